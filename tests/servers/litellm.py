"""LiteLLM's proxy in front of another server, by one of its routes."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from tests.servers.installed import program
from tests.servers.processes import free_port, running

KEY, UPSTREAM_KEY = "sk-litellm-1234", "sk-upstream-5678"
"""The key that it asks for, and the one that it sends to the server behind it."""
STARTS = 120.0
"""Seconds; it imports much."""
LOCAL = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR",
    "LITELLM_MASTER_KEY": KEY, "NO_PROXY": "*",
}  # fmt: skip
"""It neither asks the internet for prices nor tells anybody that it runs."""


@contextlib.contextmanager
def litellm(
    folder: Path, url: str, routes: Sequence[str], *, drop_params: bool = False, allowed: Sequence[str] = ()
) -> Iterator[str]:
    """Serve each route, such as `openai/kimi-k2.6`, as a model of the name that `served` gives; the base URL.

    Args:
        folder: of its configuration and its log.
        url: base URL of the server behind it.
        routes: what it serves.
        drop_params: whether it leaves out parameters that a route does not know, instead of refusing them.
        allowed: parameters that it passes on although a route does not know them.
    """
    port, config = free_port(), folder / "config.json"
    config.write_bytes(
        orjson.dumps(
            {
                "model_list": [
                    {
                        "model_name": served(route),
                        "litellm_params": {
                            "model": route,
                            "api_base": url,
                            "api_key": UPSTREAM_KEY,
                            "allowed_openai_params": [*allowed],
                        },
                    }
                    for route in routes
                ],
                "litellm_settings": {"drop_params": drop_params, "telemetry": False},
                "router_settings": {"num_retries": 0},
            }
        )
    )
    command = (program("litellm", "litellm"), "--config", config, "--host", "127.0.0.1", "--port", port)
    with running(
        command, folder / "litellm.log", f"http://127.0.0.1:{port}/health/liveliness", seconds=STARTS, env=LOCAL
    ):
        yield f"http://127.0.0.1:{port}/v1"


def served(route: str) -> str:
    """The name by which a route is asked for."""
    return route.replace("/", "-")
