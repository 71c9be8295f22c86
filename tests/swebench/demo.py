"""`kvv demo` of SWE-bench alone, in containers of a real engine."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from kvv_action.journal.file import Reader
from kvv_action.journal.lines import to_exchange
from kvv_action.sandbox import labels
from kvv_action.sandbox.engine import connect
from kvv_action.schema import Observation
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


def observed(out: Path, name: str) -> list[Observation]:
    """The observations of a name in a run's journal."""
    found = [to_exchange(line).observation for line in Reader(out / "journal.jsonl") if line["kind"] == "observation"]
    return [one for one in found if one is not None and one.name == name]


def containers(out: Path) -> list[str]:
    """Names of the containers that a run has left on the engine, running or not."""
    client: Any = connect()
    label = f"kvv.run={labels.of_journal(out / 'journal.jsonl')}"
    try:
        return [one["Names"][0].removeprefix("/") for one in client.containers(all=True, filters={"label": [label]})]
    finally:
        client.close()


@contextmanager
def engine_disk() -> Iterator[Callable[[], int]]:
    """What tells how many bytes are free on the engine's disk: a container looks, for the engine may be elsewhere."""
    docker, image = os.environ.get("KVV_DOCKER_CLI", "docker"), os.environ["KVV_BASE_IMAGE"]
    start = [docker, "run", "-d", "--rm", "--network", "none", "--entrypoint", "sleep", image, "3600"]
    name = subprocess.check_output(start, text=True).strip()

    def free() -> int:
        look = [docker, "exec", name, "stat", "-f", "-c", "%a %S", "/"]
        blocks, size = subprocess.check_output(look, text=True).split()
        return int(blocks) * int(size)

    try:
        yield free
    finally:
        subprocess.run([docker, "rm", "-f", name], check=True, capture_output=True)


def scored(out: Path) -> list[str]:
    """Instances with a score in a journal, in order."""
    return [line["sample"] for line in Reader(out / "journal.jsonl") if line["kind"] == "score"]


def lines(path: Path) -> list[dict[str, Any]]:
    """Records of a file with one JSON object a line."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
