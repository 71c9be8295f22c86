"""Tool calls under load: what the same requests come to at several concurrencies, side by side."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.toolload.causes import ANSWERS_BREAK, CALLS_BREAK, CAUSES
from benchmarks.toolload.options import AT, ToolLoadOptions
from benchmarks.toolload.requests import amount, requests
from kvv_action.anomalies import Anomaly
from kvv_action.benchmark import USUAL, BenchmarkBase, Generate, Options, Outline, Rows, Sandbox, Typical
from kvv_action.causes import Cause
from kvv_action.digits import counted
from kvv_action.errors import EndpointError, Undecided
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.report import load_groups as groups
from kvv_action.schema import BUSY, Answer, Attempt, BenchmarkKind, Exchange, Message, Request, Sample, Score
from kvv_action.scoring.toolcalls import ToolCallChecker
from kvv_action.statistics.shares import chance_of_more

ALPHA = 0.01
"""Chance of a false alarm in all levels and both measures together."""
USABLE = 0.5
"""If a smaller share of the calls is valid at the lowest level, something else than load breaks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLevel:
    """What came of the requests at one concurrency; times are seconds, in no order."""

    at_once: int
    asked: int
    valid: int
    first_try: int
    turned_away: int
    lost: int
    first_token: tuple[float, ...]
    answer: tuple[float, ...]

    @property
    def answered(self) -> int:
        """Requests with an answer, whatever it says."""
        return self.asked - self.lost

    @property
    def broken(self) -> int:
        """First tries that broke; lack of capacity is no breakage."""
        return self.asked - self.first_try - self.turned_away


class ToolLoad(BenchmarkBase):
    """One probe: all levels after one another."""

    id = "toolload"
    title = "Tool calls under load"
    metric = "levels_held"
    kind = BenchmarkKind.CONTRACT
    alone = True
    options = ToolLoadOptions
    rules = BenchmarkRules()
    causes = CAUSES
    typical = Typical(thinking=300, plain=60, source="assumed: a small call")

    def __init__(self, options: Options = USUAL, own: ToolLoadOptions | None = None) -> None:
        del options
        self._levels = (own or ToolLoadOptions()).load
        self._checker = ToolCallChecker()
        self.version = f"1{AT}{','.join(map(str, self._levels))} ({ToolCallChecker.version()})"

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample; there is no dataset."""
        del rows, profile
        if self._levels:
            yield Sample(id="at-" + "-".join(map(str, self._levels)), input=None, category="load")

    def _requests(self) -> list[Request]:
        return list(requests(amount(self._levels)))

    def opening(self, sample: Sample) -> Sequence[Message]:
        """The first request's message."""
        del sample
        return self._requests()[0].messages

    def outline(self, sample: Sample) -> Outline:
        """The same requests for each level."""
        del sample
        return Outline(requests=tuple(self._requests() * len(self._levels)))

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """One level after the other; calls are numbered in the order of the requests."""
        del sample, sandbox
        for at_once in self._levels:
            await _at(at_once, self._requests(), generate)

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """1 where no level loses more than the lowest one does.

        Raises:
            Undecided: the calls are wrong without load as well.
        """
        del sample
        seen = [await self._seen(place, exchanges) for place in range(len(self._levels))]
        first, rest = seen[0], seen[1:]
        if first.valid < USABLE * first.asked:
            told = f"{first.valid} of {counted(first.asked, 'call')} are valid at {first.at_once} at a time"
            raise Undecided(f"{told}: load is not what breaks them")
        losses = [found for one in rest for found in _losses(first, one, ALPHA / (2 * len(rest)))]
        told = "; ".join(text for _, text in losses) or _unharmed(seen)
        cause = losses[0][0] if losses else None
        return Score(
            value=float(not losses), answer="holds" if not losses else "broken", explanation=told,
            cause=cause.sentence if cause else "", remedy=cause.remedy if cause else "",
            findings={one.sentence: one.remedy for one, _ in losses if one is not cause},
            counts=dict(_counts(seen)),
        )  # fmt: skip

    async def _seen(self, place: int, exchanges: Sequence[Exchange]) -> SeenLevel:
        """A level by its place; requests that failed for good have no exchange."""
        asked = self._requests()
        start = place * len(asked)
        mine = {one.call - start: one for one in exchanges if start <= one.call < start + len(asked)}
        answers = [one.completion for one in mine.values() if one.completion is not None]
        first = [tries[0] for one in mine.values() if (tries := _tries(one))]
        late = sum(one.attempts[0].failure is not None and Anomaly.CLIENT_LATE in one.anomalies for one in answers)
        return SeenLevel(
            at_once=self._levels[place], asked=len(asked),
            valid=sum([await self._valid(asked[call], one) for call, one in mine.items()]),
            first_try=late + sum(one.failure is None for one in first),  # a busy machine of ours breaks tries too
            turned_away=sum(one.failure is not None and one.status in BUSY for one in first),
            lost=len(asked) - len(answers),
            first_token=tuple(one.first_token for one in answers if one.streamed),
            answer=tuple(one.total for one in answers),
        )  # fmt: skip

    async def _valid(self, request: Request, exchange: Exchange) -> bool:
        answer = exchange.completion
        if answer is None or answer.finish_reason != "tool_calls":
            return False
        checked = await self._checker.check(answer.tool_calls, request.body["tools"])
        return bool(checked) and all(call.valid for call in checked)

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """Requests are answered by the embedded vendor's own rules."""
        del sample, messages
        return None

    async def aclose(self) -> None:
        """End the checker's process."""
        await self._checker.aclose()


async def _at(at_once: int, asked: Sequence[Request], generate: Generate) -> None:
    """Send all requests, so many at a time; one that fails for good is counted by its absence."""
    free = asyncio.Semaphore(at_once)

    async def one(request: Request) -> None:
        async with free:  # first come, first served: the order of the calls is that of the requests
            await generate(request, may_reject=True)

    ended = await asyncio.gather(*map(one, asked), return_exceptions=True)
    for error in ended:  # all are done by now, so that none is answered behind the result
        if isinstance(error, BaseException) and not isinstance(error, EndpointError):
            raise error


def _tries(exchange: Exchange) -> Sequence[Attempt]:
    answer = exchange.completion or exchange.rejection
    return answer.attempts if answer is not None else ()


def _losses(first: SeenLevel, one: SeenLevel, error: float) -> Iterator[tuple[Cause, str]]:
    """What breaks at a level and not at the lowest one, by more than chance."""
    invalid, before = one.answered - one.valid, first.answered - first.valid
    if _more(invalid, one.answered, before, first.answered, error):
        told = f"{invalid} of {counted(one.answered, 'call')} are invalid at {one.at_once} at a time"
        yield CALLS_BREAK, f"{told}, {before} of {first.answered} at {first.at_once}"
    if _more(one.broken, one.asked, first.broken, first.asked, error):
        told = f"{one.broken} of {one.asked} first tries broke at {one.at_once} at a time"
        yield ANSWERS_BREAK, f"{told}, {first.broken} of {first.asked} at {first.at_once}"


def _more(count: int, of: int, before: int, before_of: int, error: float) -> bool:
    if not of or not before_of or count * before_of <= before * of:
        return False
    return chance_of_more(count, of, before, before_of) <= error


def _unharmed(seen: Sequence[SeenLevel]) -> str:
    return "no loss with load: " + ", ".join(
        f"{one.valid} of {one.asked} valid at {one.at_once} at a time" for one in seen
    )


def _counts(seen: Sequence[SeenLevel]) -> Iterator[tuple[str, int]]:
    """By group and level, as reports show them. Zeros are left out, except in the number that was asked."""
    for one in seen:
        times = [(groups.FIRST_TOKEN, one.first_token, 0.5), (groups.FIRST_TOKEN_SLOW, one.first_token, 0.95)]
        times += [(groups.ANSWER, one.answer, 0.5), (groups.ANSWER_SLOW, one.answer, 0.95)]
        numbers: Mapping[str, int] = {
            groups.ASKED: one.asked, groups.VALID: one.valid, groups.FIRST_TRY: one.first_try,
            groups.TURNED_AWAY: one.turned_away, groups.LOST: one.lost,
            **{name: _milliseconds(values, share) for name, values, share in times},
        }  # fmt: skip
        yield from (
            (f"{name}/{one.at_once}", count) for name, count in numbers.items() if count or name == groups.ASKED
        )


def _milliseconds(values: Sequence[float], share: float) -> int:
    """A quantile by nearest rank; 0 without any value, and 1 at least with one."""
    if not values:
        return 0
    return max(1, round(1000 * sorted(values)[max(0, math.ceil(share * len(values)) - 1)]))
