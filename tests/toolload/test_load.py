"""Tool calls under load: what is asked, what counts as a loss, and the embedded vendor that loses."""

import time
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from benchmarks.toolload.benchmark import ToolLoad
from benchmarks.toolload.causes import ANSWERS_BREAK, CALLS_BREAK
from benchmarks.toolload.options import FORM, ToolLoadOptions
from benchmarks.toolload.requests import amount, requests
from entrypoint.settings import load
from kvv_action.errors import Undecided, UsageError
from kvv_action.profiles import loader
from kvv_action.report.load_groups import load_rows
from kvv_action.schema import Attempt, Completion, Exchange, FailureKind, Request, Score, ToolCall
from kvv_action.simulator.faults import load as crowds
from kvv_action.simulator.schema_values import minimal
from tests.pipeline.command import benchmark, demo, kvv

LEVELS = (1, 16)
COUNT = amount(LEVELS)


def answered(call: int, *, valid: bool = True, tries: Sequence[Attempt] = ()) -> Exchange:
    """The answer to a request by the number of its call."""
    request = list(requests(COUNT))[call % COUNT]
    function = request.body["tools"][0]["function"]
    arguments = orjson.dumps(minimal(function["parameters"])).decode()
    made = ToolCall(id="c", name=function["name"], arguments=arguments if valid else arguments[1:])
    completion = Completion(
        content="", reasoning="", tool_calls=(made,), finish_reason="tool_calls", usage=None, model="m", id="x",
        streamed=request.stream is True, choices=1, first_token=0.2, total=0.5 + call / 1000,
        attempts=tuple(tries) or (Attempt(number=1, started=0.0, duration=0.5, status=200),),
    )  # fmt: skip
    return Exchange(call=call, completion=completion)


def broken(kind: FailureKind = FailureKind.SERVER_ERROR, status: int = 500) -> tuple[Attempt, ...]:
    """A first try that broke and a second one that worked."""
    first = Attempt(number=1, started=0.0, duration=0.1, status=status, failure=kind)
    return first, Attempt(number=2, started=1.0, duration=0.5, status=200)


async def judged(exchanges: Sequence[Exchange]) -> Score:
    """By a run at both levels."""
    one = ToolLoad(own=ToolLoadOptions(load=LEVELS))
    (sample,) = one.samples(None, loader.load("kimi-k2.6"))
    try:
        return await one.score(sample, exchanges)
    finally:
        await one.aclose()


async def test_what_is_whole_at_every_level_holds() -> None:
    """And the rows stand side by side."""
    score = await judged([answered(call) for call in range(2 * COUNT)])
    assert score.value == 1
    assert (
        score.explanation
        == f"no loss with load: {COUNT} of {COUNT} valid at 1 at a time, {COUNT} of {COUNT} valid at 16 at a time"
    )
    groups: dict[str, dict[str, int]] = {}
    for name, count in score.counts.items():
        group, _, level = name.partition("/")
        groups.setdefault(group, {})[level] = count
    rows = load_rows(groups)
    assert [row[0] for row in rows] == ["1", "16"]
    assert rows[0][1:5] == (f"{COUNT} of {COUNT}", f"{COUNT} of {COUNT}", "0", "200 ms, 95 % 200 ms")


async def test_calls_that_break_only_at_the_higher_level_are_a_loss() -> None:
    """One is chance; a quarter is not."""
    one, many = [
        await judged([answered(call, valid=call < 2 * COUNT - wrong) for call in range(2 * COUNT)]) for wrong in (1, 10)
    ]
    assert (one.value, many.value) == (1, 0)
    assert (many.cause, many.remedy) == (CALLS_BREAK.sentence, CALLS_BREAK.remedy)
    assert f"10 of {COUNT} calls are invalid at 16 at a time, 0 of {COUNT} at 1" in many.explanation


async def test_first_tries_that_break_are_a_loss_and_full_queues_are_not() -> None:
    """Also answers that never came; 429 is lack of capacity, which is told."""
    whole = [answered(call) for call in range(COUNT)]
    late = range(COUNT, 2 * COUNT)
    retried = await judged([*whole, *(answered(call, tries=broken() if call % 3 else ()) for call in late)])
    lost = await judged([*whole, *(answered(call) for call in late if not call % 3)])
    busy = await judged(
        [*whole, *(answered(call, tries=broken(FailureKind.RATE_LIMITED, 429) if call % 3 else ()) for call in late)]
    )
    assert [retried.cause, lost.cause, busy.cause] == [ANSWERS_BREAK.sentence, ANSWERS_BREAK.sentence, ""]
    assert busy.counts["load_turned_away/16"] > 10


async def test_load_is_not_blamed_for_what_is_wrong_alone() -> None:
    """The other benchmarks judge that."""
    with pytest.raises(Undecided, match="load is not what breaks them"):
        await judged([answered(call, valid=False) for call in range(2 * COUNT)])


async def test_so_many_are_under_way_at_a_time_and_no_more() -> None:
    """Level after level, every request at each."""
    under_way, most = 0, [0]
    asked: list[Request] = []

    async def generate(request: Request, *, may_reject: bool = False) -> Exchange:
        nonlocal under_way
        import asyncio

        assert may_reject
        if len(asked) == COUNT:
            most.append(0)
        asked.append(request)
        under_way += 1
        most[-1] = max(most[-1], under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return answered(len(asked) - 1)

    one = ToolLoad(own=ToolLoadOptions(load=LEVELS))
    (sample,) = one.samples(None, loader.load("kimi-k2.6"))
    await one.solve(sample, generate, None)
    assert most == [1, 16]
    assert asked[:COUNT] == asked[COUNT:]
    assert tuple(one.outline(sample).requests) == tuple(asked)


@pytest.mark.parametrize("text", ["8", "0,8", "1,513", "a,b", "1,2,3,4,5,6,7,8,9", "-1,2", "1.5,2"])
def test_other_loads_are_refused_with_an_example(text: str) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError) as found:
        load({"load": text})
    assert str(found.value.problems[0]) == f"load: {text!r}: {FORM}" or FORM in str(found.value)


def test_loads_are_sorted_and_written_once() -> None:
    """However they are given."""
    assert load({"load": "32, 1,8,8"}).__dict__["load"] == (1, 8, 32)
    assert load({"load": "1\n8"}).__dict__["load"] == (1, 8)


def test_more_at_a_time_than_connections_is_refused(tmp_path: Path) -> None:
    """The report would name a load that never was."""
    ran = kvv("demo", "--load", "1,64", "--out", tmp_path, "--benchmarks", "toolload")
    assert ran.status == 2
    assert "load asks 64 requests at a time; set max-connections to 64 or more, or load to less." in ran.err


class Later:
    """In place of the time that answers take, which a busy machine stretches: all that come after the first ones."""

    def __init__(self, first: int) -> None:
        self.first, self.seen = first, 0

    def too_many(self) -> bool:
        """Note a request; whether it comes after the first ones."""
        self.seen += 1
        return self.seen > self.first


def test_a_crowd_is_what_came_within_the_time_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many go well; when the first have left there is room again."""
    monkeypatch.setattr(time, "monotonic", iter((0.0, 0.5, 0.9, 1.4, 1.45)).__next__)
    crowd = crowds._Crowd(room=2, seconds=1.0)
    assert [crowd.too_many() for _ in range(5)] == [False, False, True, False, True]


def test_a_vendor_that_breaks_calls_under_load_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its cause first, side by side in every report; alone the same calls are valid."""
    monkeypatch.setattr(crowds, "_PARSER", Later(amount((1, 32))))
    fault = ("--fault", "confuses-tool-calls-under-load")
    ran, found = demo(tmp_path, "--load", "1,32", "--precheck", "off", "--benchmarks", "toolload", *fault)
    assert ran.status == 1
    assert ran.out.startswith(f"fail: {CALLS_BREAK.sentence}\n")
    result = benchmark(found, "toolload")
    assert result["breakdowns"]["load_valid"] == {"1": 64}
    summary = (tmp_path / "summary.md").read_text()
    assert "| At a time | Valid calls | Whole at the first try |" in summary
    assert "| 1 | 64 of 64 | 64 of 64 | 0 |" in summary
    assert "Tool calls under load, 32 at a time: valid calls" in ran.out
    assert "The same requests at several concurrencies" in (tmp_path / "report.html").read_text()
    assert kvv("audit", tmp_path).status == 0
