"""How long it takes to compare two runs with their journals, and how much memory."""

import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.compare.judge import compare
from kvv_action.compare.side import read
from kvv_action.journal.file import Journal
from kvv_action.journal.lines import answer_line, result_line
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL, canonical
from kvv_action.schema import SCHEMA_VERSION, Completion, Exchange, Place, Score
from kvv_action.verdict.report import build
from tests.report.reports import PLAN, PLANNED, REPORT

pytestmark = pytest.mark.perf


def write(folder: Path, samples: int, wrong: int) -> None:
    """A run of so many samples, every `wrong`-th of them wrong, with answers of 400 characters."""
    folder.mkdir()
    plan = replace(PLAN, benchmarks=(replace(PLANNED, samples=samples, ids=(), reference=None, margin=None),))
    with Journal(folder / JOURNAL, Redactor()) as journal:
        session = {"kind": "session", "schema": SCHEMA_VERSION, "session": 1, "started": 0.0, "plan": plan}
        journal.append({**session, "provenance": REPORT.provenance})
        for number in range(samples):
            place = Place(benchmark="quiz", sample=f"q{number}", index=number, epoch=0)
            usage = {"prompt_tokens": 50, "completion_tokens": 100}
            completion = Completion(
                content="x" * 400, usage=usage, streamed=True, first_token=0.1, total=1.0, finish_reason="stop"
            )
            exchange = Exchange(call=0, request="y" * 400, completion=completion)
            journal.append(answer_line(place, exchange, key=str(number), request="r"))
            journal.append(result_line(place, Score(value=float(number % wrong > 0)), 1.0, [0]))
        journal.append({"kind": "end", "state": "complete", "reason": "", "at": 2.0})
    (folder / "report.json").write_bytes(canonical(build(folder / JOURNAL)))


def measure(base: str, new: str) -> None:
    """Compare two folders and print seconds and the peak of memory of this process."""
    start = time.perf_counter()
    found = compare(read(Path(base)), read(Path(new)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"{found.regression}: {time.perf_counter() - start:.1f} s, peak {peak} MB\n")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("samples", [1000, 50_000])
def test_comparing(tmp_path: Path, samples: int) -> None:
    """Two passes over each journal; what is kept is a few hundred bytes a sample."""
    write(tmp_path / "base", samples, 10)
    write(tmp_path / "new", samples, 9)
    program = (
        f"from tests.perf.test_compare import measure; measure({str(tmp_path / 'base')!r}, {str(tmp_path / 'new')!r})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    print(f"\n{samples} samples a run: {done.stdout.strip()}")
