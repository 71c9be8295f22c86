"""Merging: shards and one run say the same; what is missing, double or foreign is named."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvv_action.errors import EndpointError, JournalError
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.merge import continues, examine, merged
from kvv_action.journal.reading import JournalReading
from kvv_action.redact import Redactor
from kvv_action.schema import BenchmarkKind, FailureKind, Outcome, RunState, Verdict
from kvv_action.verdict.audit import rescore
from kvv_action.verdict.report import build
from tests.ask.fakes import RULES, FakeClient, Quiz, Reply, Run, fake_profile, make_run, right, said, text_of
from tests.journal.shards import ask_shards, merge_to, result, shard_of, told


def patchy(body: Mapping[str, Any]) -> Reply:
    """Wrong at every fourth question, lost at every seventh; the probes are right."""
    number = int(text_of(body).split()[1])
    if number % 7 == 5:
        return EndpointError(FailureKind.TIMEOUT_TOTAL, "too slow")
    return said("wrong") if number % 4 == 3 else right(body)


def quizzes(tmp_path: Path, *, gate: Any = None) -> Run:
    """A gating quiz of three probes, and two that are gated."""
    probes = Quiz(count=3, id="quiz", gates=True, kind=BenchmarkKind.CONTRACT, **({"judge": gate} if gate else {}))
    rest = (Quiz(count=11, id="long"), Quiz(count=5, id="short", calls=2))
    return make_run(tmp_path, probes, *rest, epochs=2, profile=fake_profile(long=RULES, short=RULES))


async def asked(tmp_path: Path, of: int, answer: Any = right) -> tuple[Run, list[Path]]:
    """An undivided run, and the journals of the same run in shards."""
    run = quizzes(tmp_path)
    await run.session(FakeClient(answer))
    shards = await ask_shards(run, of, tmp_path, lambda: FakeClient(answer))
    return run, [shard.path for shard in shards]


@pytest.mark.parametrize("of", [1, 2, 4, 9])
@pytest.mark.parametrize("answer", [right, patchy])
async def test_shards_say_what_one_run_says(of: int, answer: Any, tmp_path: Path) -> None:
    """Verdict, reason, scores, intervals, counts, cases and usage."""
    run, journals = await asked(tmp_path, of, answer)
    report = merge_to(tmp_path / "merged.jsonl", journals)
    assert told(report) == told(run.report())
    assert report.state is RunState.COMPLETE


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of=st.integers(1, 6), seed=st.integers(0, 10**6))
async def test_any_division_gives_the_same(of: int, seed: int) -> None:
    """Whoever asked which sample, in however many sessions, and in whatever order the shards are merged."""
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        tmp_path = Path(folder)
        run = quizzes(tmp_path)
        await run.session(FakeClient(patchy))
        assignment = {
            item.planned.id: {sample.id: chance.randint(1, of) for sample in item.samples()} for item in run.loaded
        }
        shards = [shard_of(run, number, of, tmp_path / str(number), assignment) for number in range(1, of + 1)]
        for shard in shards:
            if chance.random() < 0.5:
                await shard.session(FakeClient(patchy), workers=chance.randint(1, 4))
                torn(shard.path, chance)
            await shard.session(FakeClient(patchy), workers=chance.randint(1, 4))
        journals = chance.sample([shard.path for shard in shards], of)
        report = merge_to(tmp_path / "merged.jsonl", journals)
        assert told(report)[:-1] == told(run.report())[:-1]  # a kill may cost requests
        again = await rescore(JournalReading(tmp_path / "merged.jsonl"), run.loaded)
        assert again.differences == []
        assert again.counts.total() == sum(one.counts.scored for one in report.benchmarks)


def torn(journal: Path, chance: random.Random) -> None:
    """What a kill at any byte after the first line leaves."""
    data = journal.read_bytes()
    journal.write_bytes(data[: chance.randint(data.index(b"\n") + 1, len(data))])


async def test_the_order_does_not_matter(tmp_path: Path) -> None:
    """The merged journal is the same bytes."""
    _, journals = await asked(tmp_path, 3)
    contents = {b"".join(merged(examine(order))) for order in itertools.permutations(journals)}
    assert len(contents) == 1


async def test_a_merged_journal_holds_every_line_of_its_shards(tmp_path: Path) -> None:
    """Each with the digest that it had there, so both chains can be checked."""
    _, journals = await asked(tmp_path, 3)
    merge_to(tmp_path / "merged.jsonl", journals)
    reader = Reader(tmp_path / "merged.jsonl")
    first, *records = list(reader)
    assert first["kind"] == "merge"
    for number, journal in enumerate(journals, 1):
        own = Reader(journal)
        assert [bare(record) for record in records if record["shard"] == number] == [bare(record) for record in own]
        assert reader.strands.heads[number] == own.head


def bare(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("prev", "was", "shard")}


async def test_missing_shards_are_named(tmp_path: Path) -> None:
    """What is there is counted, the verdict waits."""
    _, journals = await asked(tmp_path, 5)
    report = merge_to(tmp_path / "merged.jsonl", [journals[0], journals[3]])
    assert (report.verdict, report.state) == (Verdict.INCONCLUSIVE, RunState.STOPPED)
    assert report.reason.startswith("shards 2, 3 and 5 of 5 are missing; go on with what is missing")
    assert result(report, "long").counts.skipped > 0
    assert result(report, "quiz").verdict is Verdict.PASS


async def test_a_shard_that_was_killed_is_named(tmp_path: Path) -> None:
    """Its answers count; when it has gone on, the merge is whole."""
    run, journals = await asked(tmp_path, 3)
    lines = journals[1].read_bytes().splitlines(keepends=True)
    journals[1].write_bytes(b"".join(lines[:-5]))
    report = merge_to(tmp_path / "merged.jsonl", journals)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason.startswith("shard 2 of 3 was killed or is still going")
    await shard_of(run, 2, 3, journals[1].parent).session(FakeClient())
    assert told(merge_to(tmp_path / "merged.jsonl", journals)) == told(run.report())


async def test_a_closed_gate_needs_no_other_shard(tmp_path: Path) -> None:
    """When the first shard fails, the others need not begin: the report is that of one run."""
    run = quizzes(tmp_path)
    answer = lambda body: said("wrong")  # noqa: E731
    await run.session(FakeClient(answer))
    first = shard_of(run, 1, 4, tmp_path / "1")
    await first.session(FakeClient(answer))
    report = merge_to(tmp_path / "merged.jsonl", [first.path])
    assert told(report) == told(run.report())
    assert (report.verdict, report.state) == (Verdict.FAIL, RunState.COMPLETE)


async def test_shards_that_ran_behind_a_closed_gate_change_no_verdict(tmp_path: Path) -> None:
    """Their answers are shown, what is left is skipped with the reason of the gate."""
    _, journals = await asked(tmp_path, 3, lambda body: said("wrong"))
    report = merge_to(tmp_path / "merged.jsonl", journals[:2])
    assert (report.verdict, report.state) == (Verdict.FAIL, RunState.COMPLETE)
    assert result(report, "long").counts.sent > 0
    assert list(result(report, "long").skips) == ["Quiz failed: q0, q1, q2"]


async def test_a_shard_there_twice_is_refused(tmp_path: Path) -> None:
    """With both names."""
    _, journals = await asked(tmp_path, 3)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(journals[1].read_bytes())
    with pytest.raises(JournalError, match=r"shard 2 of 3 is there twice: .*2/journal.jsonl and .*copy.jsonl"):
        examine([*journals, copy])


async def test_shards_of_another_plan_are_refused(tmp_path: Path) -> None:
    """And it is said in what the plans differ."""
    run, journals = await asked(tmp_path, 3)
    other = replace(run, plan=replace(run.plan, seed=5))
    foreign = shard_of(other, 2, 3, tmp_path / "foreign")
    await foreign.session(FakeClient())
    with pytest.raises(JournalError, match=r"different plans \(seed: there 0, now 5\)"):
        examine([journals[0], foreign.path])
    divided = shard_of(run, 2, 4, tmp_path / "divided")
    await divided.session(FakeClient())
    with pytest.raises(JournalError, match="one is divided into 3, the other into 4"):
        examine([journals[0], divided.path])


async def test_what_is_no_shard_is_refused(tmp_path: Path) -> None:
    """A run that was not divided, and shards that are merged already."""
    run, journals = await asked(tmp_path, 2)
    with pytest.raises(JournalError, match="is not the journal of a shard"):
        examine([run.path, journals[0]])
    merge_to(tmp_path / "merged.jsonl", journals)
    with pytest.raises(JournalError, match="is not the journal of a shard"):
        examine([tmp_path / "merged.jsonl"])


async def test_an_answer_in_two_shards_is_refused(tmp_path: Path) -> None:
    """Programs that divide in different ways are found out; nothing is counted twice."""
    run = quizzes(tmp_path)
    both = {item.planned.id: {sample.id: 1 for sample in item.samples()} for item in run.loaded}
    first, second = shard_of(run, 1, 2, tmp_path / "1", both), shard_of(run, 2, 2, tmp_path / "2")
    await first.session(FakeClient())
    await second.session(FakeClient())
    with pytest.raises(JournalError, match="long, sample q0, epoch 0 has results of shard 2 and of another one"):
        merge_to(tmp_path / "merged.jsonl", [first.path, second.path])


async def test_an_answer_in_no_shard_is_named(tmp_path: Path) -> None:
    """All shards are there, and yet something was not asked."""
    run = quizzes(tmp_path)
    nobody = {
        item.planned.id: {sample.id: 0 if sample.id == "q4" else 1 for sample in item.samples()} for item in run.loaded
    }
    shards = await ask_shards(run, 2, tmp_path, FakeClient, nobody)
    report = merge_to(tmp_path / "merged.jsonl", [shard.path for shard in shards])
    assert (report.verdict, report.state) == (Verdict.INCONCLUSIVE, RunState.STOPPED)
    assert report.reason.startswith("Quiz: 2 answers are in no shard; Quiz: 2 answers are in no shard")


async def test_a_shard_alone_concludes_nothing_but_a_broken_contract(tmp_path: Path) -> None:
    """Its own verdict is inconclusive, or fail when the gate is closed."""
    run = quizzes(tmp_path)
    first, second = await ask_shards(run, 2, tmp_path / "good", FakeClient)
    assert (first.report().verdict, second.report().verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    assert second.report().reason == "shard 2 of 2 is done; kvv merge makes the verdict of all shards"
    assert result(second.report(), "quiz").skips == {"asked by the other shards": 3}
    bad = await ask_shards(run, 2, tmp_path / "bad", lambda: FakeClient(lambda body: said("wrong")))
    assert [shard.report().verdict for shard in bad] == [Verdict.FAIL, Verdict.INCONCLUSIVE]


EDITS = {
    "a line of a shard is gone": lambda lines: lines[:5] + lines[6:],
    "two lines changed places": lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
    "a whole shard is gone": lambda lines: [line for line in lines if b'"shard":2,"kind"' not in line],
    "the last line is gone": lambda lines: lines[:-1],
    "a shard has another number": lambda lines: [line.replace(b'"shard":2,"k', b'"shard":3,"k') for line in lines],
    "a line is there twice": lambda lines: [*lines[:6], *lines[5:]],
    "a score is another one": lambda lines: [line.replace(b'"value":1.0', b'"value":0.5') for line in lines],
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_forged_merge_is_found(edit: str, tmp_path: Path) -> None:
    """Even when the merged chain was computed anew, the chains of the shards do not hold."""
    _, journals = await asked(tmp_path, 3)
    path = tmp_path / "merged.jsonl"
    merge_to(path, journals)
    before = path.read_bytes()
    path.write_bytes(rechained(EDITS[edit](before.splitlines())))
    assert path.read_bytes() != before
    with pytest.raises(JournalError, match="shard"):
        build(path)


def rechained(lines: list[bytes]) -> bytes:
    from kvv_action.journal.file import chained
    from kvv_action.journal.shard_chains import HASH, START

    return b"".join(chained(line[START + HASH + 2 :] for line in lines))


async def test_a_merge_is_replaced_only_by_one_that_holds_it(tmp_path: Path) -> None:
    """More lines and more shards, never fewer or others."""
    run, journals = await asked(tmp_path, 3)
    path, part = tmp_path / "merged.jsonl", tmp_path / "part.jsonl"
    merge_to(path, journals)
    merge_to(part, journals[:2])
    assert continues(examine(journals), path)
    assert continues(examine(journals), part)
    assert not continues(examine(journals[:2]), path)
    await shard_of(run, 2, 3, journals[1].parent).session(FakeClient())
    assert continues(examine(journals), path)
    assert not continues(examine(journals), journals[0])


async def test_cases_keep_their_places(tmp_path: Path) -> None:
    """Cases are listed in the order of the plan, whichever shard has them."""
    run, journals = await asked(tmp_path, 4, patchy)
    cases = result(merge_to(tmp_path / "merged.jsonl", journals), "long").cases
    assert [(case.id, case.epoch) for case in cases] == [(f"q{n}", epoch) for n in range(11) for epoch in range(2)]
    assert sum(case.outcome is Outcome.FAILED for case in cases) == 2
    assert cases == result(run.report(), "long").cases


async def test_what_the_first_machine_lacks_closes_no_gate(tmp_path: Path) -> None:
    """That shard 1 has no engine says nothing about the shards that are missing."""
    run = make_run(tmp_path, Quiz(count=3, id="quiz"))
    first = shard_of(run, 1, 2, tmp_path / "1", {"quiz": {"q0": 2, "q1": 2, "q2": 2}})
    await first.session(FakeClient(), finish=False)
    with Journal(first.path, Redactor()) as journal:
        journal.append({"kind": "skip", "benchmark": "quiz", "reason": "no engine", "absent": True})
        journal.append({"kind": "end", "state": "complete", "reason": "", "at": 1_700_000_009.0})
    report = merge_to(tmp_path / "merged.jsonl", [first.path])
    assert report.state is RunState.STOPPED
    assert report.state_reason.startswith("shard 2 of 2 is missing")
