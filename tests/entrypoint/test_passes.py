"""How often a command reads a journal from its beginning; a journal of a whole run has gigabytes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvv_action.journal import file
from kvv_action.journal.file import Reader, Record
from tests.pipeline.command import demo, kvv

pytestmark = pytest.mark.pipeline

Passes = Counter[Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration with a wrong answer, so that a comparison has something to show."""
    out = tmp_path_factory.mktemp("run") / "out"
    ran, _ = demo(out, "--benchmarks", "aime2025", "--fault", "wrong-answers=0.3")
    assert ran.status == 1, ran.err
    return out


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without the fault."""
    out = tmp_path_factory.mktemp("right") / "out"
    assert demo(out, "--benchmarks", "aime2025")[0].status == 0
    return out


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Counts iterations by journal; one that ends after the first line counts too."""
    counted: Passes = Counter()
    plain = Reader.__iter__

    def counting(self: Reader) -> Iterator[Record]:
        counted[self._path] += 1
        return plain(self)

    monkeypatch.setattr(file.Reader, "__iter__", counting)
    return counted


def test_an_audit_reads_the_journal_three_times(run: Path, passes: Passes) -> None:
    """Once for what stands, once to score again, once to count."""
    assert kvv("audit", run).status == 0
    assert passes == {run / "journal.jsonl": 3}


def test_an_audit_of_a_bundle_reads_it_no_more_often(run: Path, tmp_path: Path, passes: Passes) -> None:
    """The report that follows from the journal is also the one that the bundle must hold."""
    archive = tmp_path / "evidence.tar.gz"
    assert kvv("bundle", run, "--out", archive).status == 0
    passes.clear()
    assert kvv("audit", archive).status == 0
    assert list(passes.values()) == [3]


def test_an_audit_of_a_redacted_bundle_reads_it_twice(run: Path, tmp_path: Path, passes: Passes) -> None:
    """There is nothing to score again."""
    archive = tmp_path / "redacted.tar.gz"
    assert kvv("bundle", run, "--redact", "--out", archive).status == 0
    passes.clear()
    assert kvv("audit", archive).status == 3
    assert list(passes.values()) == [2]


def test_a_comparison_reads_each_journal_three_times(run: Path, right: Path, tmp_path: Path, passes: Passes) -> None:
    """Once for what stands, once for what was judged, once for the answers that are shown."""
    assert kvv("compare", right, run, "--out", tmp_path / "compared").status == 1
    assert passes == {right / "journal.jsonl": 3, run / "journal.jsonl": 3}
