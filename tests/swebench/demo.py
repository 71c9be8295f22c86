"""`kvv demo` of SWE-bench alone, in containers of a real engine."""

import os
import subprocess
from pathlib import Path
from typing import Any

import orjson

from kvv_action.run.journal import Reader
from tests.pipeline.command import Ran, benchmark, kvv, report

LIMITS = "steps=12,command=20"


def demo(out: Path, *arguments: object) -> tuple[Ran, dict[str, Any]]:
    """A demonstration in the bundled instances; how it ended, and what it says of SWE-bench."""
    ran = kvv("demo", "--benchmarks", "swebench", "--precheck", "off", "--out", out, "--swebench-limits", LIMITS,
              *arguments)  # fmt: skip
    return ran, benchmark(report(out), "swebench")


def outcomes(result: dict[str, Any]) -> dict[str, int]:
    """How many instances had which outcome."""
    return dict(result["breakdowns"].get("outcome", {}))


def observed(out: Path, name: str) -> list[dict[str, Any]]:
    """The observations of a name in a run's journal."""
    wanted = ("observation", name)
    return [dict(line) for line in Reader(out / "journal.jsonl") if (line["kind"], line.get("name")) == wanted]


def containers() -> list[str]:
    """Names of the containers of bundled instances on the engine."""
    command = [os.environ.get("KVV_DOCKER_CLI", "docker"), "ps", "-a", "--format", "{{.Names}}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in found if "kvv__" in name]


def scored(out: Path) -> list[str]:
    """Instances with a score in a journal, in order."""
    return [line["sample"] for line in Reader(out / "journal.jsonl") if line["kind"] == "score"]


def lines(path: Path) -> list[dict[str, Any]]:
    """Records of a file with one JSON object a line."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
