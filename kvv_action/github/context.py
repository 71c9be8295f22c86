"""Reads a step's context from the GitHub runner; only this module and `kvv_action.settings` read the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from kvv_action.redact import SENSITIVE_HEADER

_SAFE = {
    "repository": "GITHUB_REPOSITORY",
    "sha": "GITHUB_SHA",
    "ref": "GITHUB_REF",
    "workflow_ref": "GITHUB_WORKFLOW_REF",
    "workflow_sha": "GITHUB_WORKFLOW_SHA",
    "event": "GITHUB_EVENT_NAME",
    "run_id": "GITHUB_RUN_ID",
    "run_attempt": "GITHUB_RUN_ATTEMPT",
    "run_number": "GITHUB_RUN_NUMBER",
    "job": "GITHUB_JOB",
    "actor": "GITHUB_ACTOR",
    "server": "GITHUB_SERVER_URL",
    "action_repository": "GITHUB_ACTION_REPOSITORY",
    "action_ref": "GITHUB_ACTION_REF",
    "runner_environment": "RUNNER_ENVIRONMENT",
}
"""Facts that reports may show; never a token, a path or a URL with credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The environment of one step.

    Attributes:
        workspace: the checkout; paths in inputs are relative to it.
        output, step_summary: files that the runner reads after the step; None outside GitHub.
        run_label: value of the label `kvv.run` on all containers of this job; empty outside GitHub.
        fork: the event is a pull request from another repository, so there are no secrets.
        github: facts for `Provenance.github`.
    """

    workspace: Path
    output: Path | None = None
    step_summary: Path | None = None
    run_label: str = ""
    fork: bool = False
    github: Mapping[str, str]


def read() -> Context:
    """The context of this process."""
    environ = os.environ
    return Context(
        workspace=Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()),
        output=_path(environ.get("GITHUB_OUTPUT")),
        step_summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
        run_label=run_label(environ),
        fork=_is_fork(_path(environ.get("GITHUB_EVENT_PATH"))),
        github={name: value for name, variable in _SAFE.items() if (value := environ.get(variable))},
    )


def given(setting: str) -> str:
    """The unchecked text of a setting: the input, else the `KVV_*` variable."""
    variable = setting.upper().replace("-", "_")
    texts = (os.environ.get(name, "") for name in (f"INPUT_{setting.upper()}", f"KVV_{variable}"))
    return next((text for text in texts if text.strip()), "")


def secrets() -> tuple[str, ...]:
    """The unchecked secrets among the inputs: keys, and the values of sensitive headers."""
    shown, hidden = (_headers(name) for name in ("extra-headers", "secret-headers"))
    values = (value for name, value in shown if any(word in name.lower() for word in SENSITIVE_HEADER))
    found = (
        given("api-key"),
        given("reference-api-key"),
        given("judge-api-key"),
        given("leaderboard-token"),
        *(part for value in (*values, *(value for _, value in hidden)) for part in (value, value.split(" ")[-1])),
    )
    return tuple(dict.fromkeys(secret for secret in found if secret))


def _headers(setting: str) -> list[tuple[str, str]]:
    """Names and values of the header lines of a setting, as far as they have the form."""
    lines = (line.partition(":") for line in given(setting).splitlines())
    return [(name.strip(), value.strip()) for name, _, value in lines]


def image() -> str:
    """The image that a deployment names in `KVV_IMAGE`; empty unless it is printable and short."""
    said = os.environ.get("KVV_IMAGE", "").strip()
    return said if said.isprintable() and len(said) <= 300 else ""


def commit() -> str:
    """The commit that the image was built from, which the image names in `KVV_COMMIT`; empty for anything else."""
    said = os.environ.get("KVV_COMMIT", "")
    return said if re.fullmatch("[0-9a-f]{40}", said) else ""


def run_label(environ: Mapping[str, str]) -> str:
    """`<run id>-<attempt>-<job>@<runner>`: re-runs differ in the attempt, matrix jobs in the runner."""
    run, attempt = environ.get("GITHUB_RUN_ID"), environ.get("GITHUB_RUN_ATTEMPT") or "1"
    if not run:
        return ""
    job, runner = environ.get("GITHUB_JOB", ""), environ.get("RUNNER_NAME", "")
    return f"{run}-{attempt}-{job}" + (f"@{runner}" if runner else "")


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _is_fork(event: Path | None) -> bool:
    """Whether the event is a pull request from another repository; the payload may have any shape."""
    if event is None:
        return False
    try:
        pull: Any = orjson.loads(event.read_bytes())["pull_request"]
        return bool(pull["head"]["repo"]["full_name"] != pull["base"]["repo"]["full_name"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return False
