"""The audit finds what does not follow from the answers, and names the place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kvv_action.errors import JournalError
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.difference import DifferenceKind, differing
from kvv_action.redact import Redactor
from kvv_action.report.files import canonical
from kvv_action.schema import DatasetInfo, Exchange, Sample, Score
from kvv_action.verdict.audit import check_samples, rescore
from kvv_action.verdict.report import build
from tests.ask.fakes import FakeClient, FakeRows, Quiz, Run, load_quiz, make_run, plan_of

Edit = Callable[[dict[str, Any]], dict[str, Any] | None]


async def finished(tmp_path: Path, **quiz: Any) -> Run:
    run = make_run(tmp_path, Quiz(**quiz))
    await run.session(FakeClient())
    return run


def chained_again(run: Run, edit: Edit) -> None:
    """Somebody edits the journal and makes its chain hold again; None removes the line."""
    records = [dict(record) for record in Reader(run.path)]
    run.path.unlink()
    with Journal(run.path, Redactor()) as journal:
        for record in records:
            record.pop("prev")
            edited = edit(record)
            if edited is not None:
                journal.append(edited)


async def audited(run: Run, written: bytes) -> list[str]:
    """What `kvv audit` would say, from the samples to the report."""
    differences = check_samples(run.plan, run.loaded)
    again = await rescore(JournalReading(run.path), run.loaded)
    recomputed = orjson.loads(canonical(build(run.path, rescored=again.changed)))
    return list(map(str, [*differences, *again.differences, *differing(orjson.loads(written), recomputed)]))


async def test_an_honest_run_agrees(tmp_path: Path) -> None:
    """Every score and every number is reached again."""
    run = await finished(tmp_path, calls=2)
    assert await audited(run, canonical(run.report())) == []


async def test_a_resumed_run_agrees(tmp_path: Path) -> None:
    """Replaced failures and replayed answers included."""
    run = make_run(tmp_path)
    await run.session(FakeClient(lambda body: TimeoutError()))
    await run.session(FakeClient())
    assert await audited(run, canonical(run.report())) == []


async def test_an_edited_score_is_found(tmp_path: Path) -> None:
    """Although chain and report follow from it."""
    run = await finished(tmp_path, judge=lambda sample, exchanges: Score(value=0.0, answer="7", explanation="no"))

    def edit(record: dict[str, Any]) -> dict[str, Any]:
        if record["kind"] == "score" and record["sample"] == "q1":
            record["score"]["value"] = 1.0
        return record

    chained_again(run, edit)
    differences = await audited(run, canonical(run.report()))
    assert "quiz, sample q1, epoch 0: the journal says 1 ('7': no), scoring again gives 0 ('7': no)" in differences
    assert any(difference.startswith("report.benchmarks[0].score") for difference in differences)


async def test_an_edited_answer_is_found(tmp_path: Path) -> None:
    """The score no longer follows from it."""
    run = await finished(tmp_path)

    def edit(record: dict[str, Any]) -> dict[str, Any]:
        if record["kind"] == "answer" and record["sample"] == "q2":
            record["completion"]["content"] = "tampered"
        return record

    chained_again(run, edit)
    differences = await audited(run, canonical(run.report()))
    assert any("sample q2" in difference and "'tampered'" in difference for difference in differences)


async def test_an_edited_line_without_a_new_chain_is_found(tmp_path: Path) -> None:
    """The chain itself tells."""
    run = await finished(tmp_path)
    run.path.write_bytes(run.path.read_bytes().replace(b'"content":"1"', b'"content":"2"'))
    with pytest.raises(JournalError, match="the digest of the line before does not match"):
        await rescore(JournalReading(run.path), run.loaded)


async def test_an_edited_report_is_found(tmp_path: Path) -> None:
    """With its place, what is written and what it should be."""
    run = await finished(tmp_path)
    written = orjson.loads(canonical(run.report()))
    written["benchmarks"][0]["counts"]["failed"] = 1
    written["verdict"] = "pass" if written["verdict"] != "pass" else "fail"
    differences = await audited(run, orjson.dumps(written))
    assert "report.benchmarks[0].counts.failed: written 1, recomputed 0" in differences
    assert any(difference.startswith("report.verdict: written") for difference in differences)


async def test_a_removed_sample_is_found(tmp_path: Path) -> None:
    """An unwelcome answer cannot be made to never have been."""
    run = await finished(tmp_path)
    written = canonical(run.report())
    chained_again(run, lambda record: None if record.get("sample") == "q1" else record)
    differences = await audited(run, written)
    assert "report.benchmarks[0].counts.scored: written 3, recomputed 2" in differences


async def test_a_changed_last_line_is_found(tmp_path: Path) -> None:
    """No line follows that would hold it; the head in the report does."""
    run = await finished(tmp_path)
    written = canonical(run.report())
    run.path.write_bytes(run.path.read_bytes().replace(b'"reason":"",', b'"reason":"x",'))
    assert any("report.journal.head" in difference for difference in await audited(run, written))


async def test_a_score_without_its_answer_is_refused(tmp_path: Path) -> None:
    """Evidence that is not there cannot be judged."""
    run = await finished(tmp_path)
    chained_again(run, lambda record: None if record["kind"] == "answer" and record["sample"] == "q0" else record)
    with pytest.raises(JournalError, match="quiz, sample q0, epoch 0: the answer to call 0 is missing"):
        await rescore(JournalReading(run.path), run.loaded)


async def test_a_score_that_names_no_answer_is_refused(tmp_path: Path) -> None:
    """A score rests on something."""
    run = await finished(tmp_path)
    chained_again(run, lambda record: {**record, "calls": []} if record["kind"] == "score" else record)
    with pytest.raises(JournalError, match="a score without an answer"):
        await rescore(JournalReading(run.path), run.loaded)


async def test_another_dataset_is_found(tmp_path: Path) -> None:
    """By its digest, before anything is scored."""
    run = await finished(tmp_path)
    rows = FakeRows(DatasetInfo(source="file", location="other.jsonl", count=3, digest="1" * 64))
    (difference,) = check_samples(run.plan, [load_quiz(Quiz(), rows=rows)])
    assert str(difference) == (
        "quiz: the dataset at hand has digest 1111111111111111, the run used 0000000000000000 (quiz.jsonl)"
    )


async def test_other_samples_are_found(tmp_path: Path) -> None:
    """The same dataset, but not the same choice of it."""
    run = await finished(tmp_path)
    others = [load_quiz(Quiz(ids=("a", "b", "c")))]
    assert list(map(str, check_samples(run.plan, others))) == ["quiz: the samples at hand are not those of the run"]
    differences = (await rescore(JournalReading(run.path), others)).differences
    assert str(differences[0]) == "quiz, sample q0, epoch 0: the dataset has another sample in this place"


async def test_another_version_of_the_scorer_is_found(tmp_path: Path) -> None:
    """Its judgement may differ, so it is said first."""
    run = await finished(tmp_path)
    (difference,) = check_samples(run.plan, [load_quiz(Quiz(version="2"))])
    assert (difference.place, difference.kind, difference.written, difference.recomputed) == (
        "quiz", DifferenceKind.VERSION, "1", "2",
    )  # fmt: skip
    assert str(difference) == "quiz: scored by version 1, at hand is 2"


async def test_a_benchmark_that_is_not_at_hand_is_said(tmp_path: Path) -> None:
    """An old journal may hold one that this version does not know; the others are audited."""
    run = make_run(tmp_path, Quiz(), Quiz(id="gone"))
    await run.session(FakeClient())
    run.loaded = run.loaded[:1]
    assert list(map(str, check_samples(run.plan, run.loaded))) == ["gone: this version has no such benchmark"]
    again = await rescore(JournalReading(run.path), run.loaded)
    assert set(again.counts) == {"quiz"}
    assert again.differences == []


@pytest.mark.parametrize("error", [ValueError("not enough values"), KeyError("x"), AssertionError(), TypeError("none")])
async def test_a_scorer_that_breaks_on_an_edited_answer_is_a_difference(tmp_path: Path, error: Exception) -> None:
    """Tampering can break a scorer in any way; the audit goes on."""
    run = await finished(tmp_path)

    def broken(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        raise error

    run.loaded = [load_quiz(Quiz(judge=broken))]
    differences = (await rescore(JournalReading(run.path), run.loaded)).differences
    assert len(differences) == 3
    assert f"cannot be scored from the journal ({type(error).__name__}: {error})" in str(differences[0])


async def test_categories_come_from_the_dataset(tmp_path: Path) -> None:
    """As when the run was scored."""
    run = await finished(tmp_path)

    def without(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "score": {**record["score"], "category": ""}} if record["kind"] == "score" else record

    chained_again(run, without)
    again = await rescore(JournalReading(run.path), run.loaded)
    assert [score.category for score in again.changed.values()] == ["even", "odd", "even"]


def test_places_of_differences_are_paths() -> None:
    """Nested, with what is only on one side, and lists of another length as a whole."""
    old = {"a": {"b": [1, {"c": 2}]}, "d": 1, "f": [1]}
    new = {"a": {"b": [1, {"c": 3}]}, "e": 1, "f": [1, 2]}
    assert list(map(str, differing(old, new))) == [
        "report.a.b[1].c: written 2, recomputed 3",
        "report.d: written 1, recomputed None",
        "report.e: written None, recomputed 1",
        "report.f: written [1], recomputed [1, 2]",
    ]


def test_long_values_are_cut_in_differences() -> None:
    """A message stays a line."""
    (difference,) = differing("x" * 1000, "y")
    assert len(str(difference)) < 200


async def test_the_plan_of_a_changed_profile_differs(tmp_path: Path) -> None:
    """The journal's own plan is what is audited; a change to the reference in it changes the report."""
    run = await finished(tmp_path)
    written = canonical(run.report())
    cheaper = replace(run.loaded[0].planned, margin=0.9)
    plan = plan_of([replace(run.loaded[0], planned=cheaper)])
    chained_again(run, lambda record: {**record, "plan": plan} if record["kind"] == "session" else record)
    differences = await audited(run, written)
    assert "report.plan.benchmarks[0].margin: written 0.05, recomputed 0.9" in differences


def test_the_answers_of_a_pack_must_be_those_in_the_plan() -> None:
    """Where the pack is at hand; a plan whose answers are others was not judged by it."""
    (item,) = [load_quiz(Quiz())]
    with_peers = replace(item, planned=replace(item.planned, peers=(1.0, 0.5, 0.0)))
    forged = plan_of([replace(item, planned=replace(item.planned, peers=(0.0, 0.0, 0.0)))])
    assert check_samples(plan_of([with_peers]), [with_peers]) == []
    (difference,) = check_samples(forged, [with_peers])
    assert (
        str(difference) == "quiz: compared with the answers of the pack that the plan names, the run with other answers"
    )
    assert check_samples(forged, [item]) == []
