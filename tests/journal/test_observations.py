"""What a benchmark saw elsewhere than at the endpoint is evidence like an answer."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from kvv_action.benchmark import Generate
from kvv_action.errors import JournalError
from kvv_action.journal.file import Reader
from kvv_action.journal.lines import PLAIN
from kvv_action.journal.reading import JournalReading
from kvv_action.journal.state import read_state
from kvv_action.redact import Redactor
from kvv_action.schema import Exchange, Sample, Score
from kvv_action.verdict.audit import rescore
from tests.ask.fakes import FakeClient, Quiz, Run, asking, make_run, question

KEY = "sk-0123456789abcdef"
LONG = "a line of a test log\n" * PLAIN


async def _solving(sample: Sample, generate: Generate) -> None:
    await generate(asking(question(sample.input)))
    seen = generate.observe("tool", {"exit": 0, "said": KEY}, f"output with {KEY}")
    await generate.keep("log", None, LONG + KEY)
    await generate(asking(f"{question(sample.input)} after {seen.text}"))


def _judge(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
    """Counts what is there, in order."""
    kinds = ["observation" if exchange.observation else "answer" for exchange in exchanges]
    log = exchanges[2].observation
    assert log is not None
    right = kinds == ["answer", "observation", "observation", "answer"] and log.text == LONG + "***"
    return Score(value=float(right), answer=" ".join(kinds), explanation=str(exchanges[1].observation))


def _observing(tmp_path: Path) -> Run:
    run = make_run(tmp_path, Quiz(count=1, solving=_solving, judge=_judge))
    run.redactor = Redactor([KEY])
    return run


async def test_an_observation_is_judged_in_its_place(tmp_path: Path) -> None:
    """Between the answers before and after it, and not counted as a request."""
    run = _observing(tmp_path)
    await run.session(FakeClient())
    (line,) = run.lines("score")
    assert (line["score"]["value"], line["calls"]) == (1.0, [0, 1, 2, 3])
    assert run.report().usage.requests == 2
    assert run.report().benchmarks[0].counts.scored == 1


async def test_the_first_request_is_kept_after_an_observation(tmp_path: Path) -> None:
    """A benchmark that looks around before it asks, as SWE-bench does, has its first request in the journal."""

    async def looking_first(sample: Sample, generate: Generate) -> None:
        generate.observe("place", {"image": "an image"})
        await generate(asking(question(sample.input)))
        await generate(asking(f"{question(sample.input)} again"))

    run = make_run(tmp_path, Quiz(count=1, solving=looking_first, judge=lambda *_: Score(value=1.0)))
    await run.session(FakeClient())
    first, second = run.lines("answer")
    assert question(0) in first["body"]
    assert "body" not in second


async def test_an_observation_holds_no_secret_in_memory_or_on_disk(tmp_path: Path) -> None:
    """What is judged is what the journal keeps; a compressed text was redacted before."""
    run = _observing(tmp_path)
    client = FakeClient()
    await run.session(client)
    assert client.asked[-1] == f"{question(0)} after output with ***"
    assert KEY.encode() not in run.path.read_bytes()
    tool, log = run.lines("observation")
    assert (tool["data"], tool["text"]) == ({"exit": 0, "said": "***"}, "output with ***")
    assert len(log["packed"]) < len(LONG) / 50


async def test_an_audit_judges_observations_again(tmp_path: Path) -> None:
    """From the journal alone."""
    run = _observing(tmp_path)
    await run.session(FakeClient())
    reading = JournalReading(run.path)
    again = await rescore(reading, run.loaded)
    assert (again.counts.total(), again.changed, again.differences) == (1, {}, [])
    assert [judged.result.value for judged in reading.judged() if isinstance(judged.result, Score)] == [1.0]


async def test_what_was_seen_before_a_kill_is_seen_again(tmp_path: Path) -> None:
    """Answers are replayed while the conversation is the same; observations are made anew."""
    run = _observing(tmp_path)
    await run.session(FakeClient())
    kept = run.path.read_bytes().splitlines(keepends=True)[:5]
    run.path.write_bytes(b"".join(kept))
    assert [line["kind"] for line in run.lines()] == ["session", "answer", "observation", "observation", "answer"]
    client = FakeClient()
    await run.session(client)
    assert client.asked == []
    assert len(run.lines("observation")) == 4
    assert run.lines("score")[0]["calls"] == [0, 1, 2, 3]
    assert run.report().benchmarks[0].counts.scored == 1


async def test_a_damaged_observation_is_told(tmp_path: Path) -> None:
    """Its line says that it is not as kvv writes it."""
    run = _observing(tmp_path)
    await run.session(FakeClient())
    records = [dict(record) for record in Reader(run.path)]
    for damage in ("AAAA", "no base64!", records[3]["packed"][:400]):
        records[3]["packed"] = damage
        with pytest.raises(JournalError, match="line 4 is not as kvv writes it"):
            read_state(orjson.loads(orjson.dumps(records)), run.plan)
