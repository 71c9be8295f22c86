"""How long Pre-Verification takes at a second an answer, 16 at once, and which probes decide that.

Run with `pytest -m perf -s tests/perf/test_precheck_path.py`. It must end within `LONGEST` of the tier.
"""

import contextlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kvv_action.journal.reading import JournalReading
from kvv_action.report.files import JOURNAL

pytestmark = [pytest.mark.perf, pytest.mark.timeout(900)]

LONGEST = {"smoke": 12.0, "full": 60.0}
"""Seconds, by tier."""
CONNECTIONS, LATENCY, SHOWN = 16, 1.0, 8
KVV = (sys.executable, "-m", "entrypoint.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePath:
    """When a probe was asked, in seconds since the first request, and how many requests it took."""

    probe: str
    began: float
    ended: float
    requests: int


@contextlib.contextmanager
def vendor(*pace: str) -> Iterator[str]:
    """The base URL of the embedded vendor at a pace."""
    command = (*KVV, "simulate", "--port", "0", *pace, "--model", "kimi-k2.6")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(line[line.index("http://") :].split()[0] for line in process.stdout if "http://" in line)
        finally:
            process.kill()


def paths(out: Path) -> list[ProbePath]:
    """Of every probe, from the tries of its requests."""
    tries = defaultdict[str, list[tuple[float, float]]](list)
    for sent in JournalReading(out / JOURNAL).sent():
        answer = sent.exchange and (sent.exchange.completion or sent.exchange.rejection)
        for one in answer.attempts if answer else sent.attempts:
            tries[sent.place.sample].append((one.started, one.started + one.duration))
    first = min(start for spans in tries.values() for start, _ in spans)
    return [
        ProbePath(
            probe=probe, began=min(spans)[0] - first, ended=max(end for _, end in spans) - first, requests=len(spans)
        )
        for probe, spans in tries.items()
    ]


@pytest.mark.parametrize("tier", LONGEST)
def test_critical_path(tier: str, tmp_path: Path) -> None:
    """It ends in time; the probes that end last are printed, with how long each of them takes."""
    with vendor("--latency", str(LATENCY)) as url:
        command = (
            *KVV, "run", "--base-url", url, "--model", "kimi-k2.6", "--benchmarks", "precheck", "--tier", tier,
            "--max-connections", str(CONNECTIONS), "--out", str(tmp_path / "out"),
        )  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True, env={"KVV_API_KEY": "EMPTY", "PATH": ""})
    assert (tmp_path / "out" / JOURNAL).is_file(), said.stderr[-2000:]
    found = paths(tmp_path / "out")
    whole, requests = max(one.ended for one in found), sum(one.requests for one in found)
    bound = requests * LATENCY / CONNECTIONS
    print(f"\n{tier}: {whole:.1f} s for {requests} requests of {len(found)} probes, at least {bound:.1f} s")
    for one in sorted(found, key=lambda one: -one.ended)[:SHOWN]:
        print(f"  {one.probe:<44}{one.began:>6.1f} to {one.ended:>5.1f} s, {one.requests} requests")
    longest = max(found, key=lambda one: one.ended - one.began)
    print(f"  longest: {longest.probe}, {longest.ended - longest.began:.1f} s")
    assert whole <= LONGEST[tier]
