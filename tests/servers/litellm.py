"""LiteLLM's proxy in front of another server, by one of its routes."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from tests.servers.installed import program
from tests.servers.processes import free_port, running

KEY = "sk-litellm-1234"
STARTS = 120.0
"""Seconds; it imports much."""
LOCAL = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR",
    "LITELLM_MASTER_KEY": KEY, "NO_PROXY": "*",
}  # fmt: skip
"""It neither asks the internet for prices nor tells anybody that it runs."""


@contextlib.contextmanager
def litellm(folder: Path, url: str, routes: Sequence[str], *, drop_params: bool = False) -> Iterator[str]:
    """Serve each route, such as `openai/kimi-k2.6`, as a model of the same name; the base URL."""
    port, config = free_port(), folder / "config.json"
    config.write_bytes(
        orjson.dumps(
            {
                "model_list": [
                    {
                        "model_name": route.replace("/", "-"),
                        "litellm_params": {"model": route, "api_base": url, "api_key": "upstream"},
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
