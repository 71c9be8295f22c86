"""How often a command reads a journal from its beginning; a journal of a whole run has gigabytes."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from kvv_action.journal import file
from kvv_action.journal import lines as lines_module
from kvv_action.journal import reading as reading_module
from kvv_action.journal import state as state_module
from kvv_action.journal.file import Reader, Record
from kvv_action.schema import Exchange
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


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts lines that are parsed, and answers of which a record is made."""
    counted: Counter[str] = Counter()
    plain, built = Reader.__iter__, lines_module.to_exchange

    def reading(self: Reader) -> Iterator[Record]:
        for record in plain(self):
            counted["parsed"] += 1
            yield record

    def building(line: Record) -> Exchange:
        counted["built"] += 1
        return built(line)

    monkeypatch.setattr(file.Reader, "__iter__", reading)
    for module in (lines_module, reading_module, state_module):
        monkeypatch.setattr(module, "to_exchange", building)
    return counted


def _of(folder: Path) -> tuple[int, int]:
    """Lines of a journal, and answers."""
    kinds = [orjson.loads(line)["kind"] for line in (folder / "journal.jsonl").read_bytes().splitlines()]
    return len(kinds), kinds.count("answer")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first run without Pre-Verification, whose answers have oddities; those are looked at more closely."""
    out = tmp_path_factory.mktemp("scored") / "out"
    assert demo(out, "--benchmarks", "aime2025", "--precheck", "off", "--fault", "wrong-answers=0.3")[0].status == 1
    return out


def test_a_resumed_run_parses_each_line_four_times(scored: Path, tmp_path: Path, lines: Counter[str]) -> None:
    """Whether it is complete, what is left to ask, what stands, what was answered; a record is made once."""
    out = Path(shutil.copytree(scored, tmp_path / "out"))
    whole = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (out / "journal.jsonl").write_bytes(b"".join(whole[:-2]))  # without the last score
    before = _of(out)[0]
    assert demo(out, "--benchmarks", "aime2025", "--precheck", "off", "--fault", "wrong-answers=0.3")[0].status == 1
    total, answers = _of(out)
    assert lines["parsed"] <= 4 * total
    assert answers <= lines["built"] <= answers + 2 * (total - before)


def test_a_bundle_parses_each_line_twice(scored: Path, tmp_path: Path, lines: Counter[str]) -> None:
    """Once for what stands, once to count; packing and the search for keys read bytes."""
    total, answers = _of(scored)
    assert kvv("bundle", scored, "--out", tmp_path / "evidence.tar.gz").status == 0
    assert lines == {"parsed": 2 * total, "built": answers}


def test_an_audit_makes_two_records_of_each_answer(scored: Path, lines: Counter[str]) -> None:
    """One to score it again, one to count it."""
    total, answers = _of(scored)
    assert kvv("audit", scored).status == 0
    assert lines == {"parsed": 3 * total, "built": 2 * answers}


def test_a_comparison_makes_records_of_what_it_shows(scored: Path, tmp_path: Path, lines: Counter[str]) -> None:
    """One of each answer, and one more of those that differ."""
    right = tmp_path / "right"
    assert demo(right, "--benchmarks", "aime2025", "--precheck", "off")[0].status == 0
    lines.clear()
    assert kvv("compare", right, scored, "--out", tmp_path / "compared").status == 1
    wrong = _wrong(scored)
    assert 0 < wrong < _of(scored)[1]
    assert lines["built"] == _of(scored)[1] + _of(right)[1] + 2 * wrong


def test_a_merge_makes_one_record_of_each_answer(tmp_path: Path, lines: Counter[str]) -> None:
    """Shards are checked, then what stands is read from the merged journal, then the answers."""
    for number in (1, 2):
        assert (
            demo(tmp_path / f"{number}", "--benchmarks", "aime2025", "--precheck", "off", "--shard", f"{number}/2")[
                0
            ].status
            == 0
        )
    shards = [tmp_path / "1", tmp_path / "2"]
    lines.clear()
    assert kvv("merge", *shards, "--out", tmp_path / "merged").status == 0
    total, answers = _of(tmp_path / "merged")
    assert lines["built"] == answers
    assert lines["parsed"] <= 3 * total + 2 * len(shards)


def _wrong(scored: Path) -> int:
    """Samples whose score is not 1."""
    records = [orjson.loads(line) for line in (scored / "journal.jsonl").read_bytes().splitlines()]
    return sum(record["kind"] == "score" and record["score"]["value"] < 1 for record in records)
