"""What a plan will cost before anything is sent: requests, tokens, time.

Requests are counted, not guessed: `expected` is what a vendor is asked whose every answer is right, `ceiling` the most
that answers can lead to. HTTP retries of a lost request are the same request.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

from kvv_action.benchmark import Outline
from kvv_action.plan.plan import Loaded
from kvv_action.plan.request import asked_thinking, fields_of
from kvv_action.plan.tokens import Span, of_body, of_output, total
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import thinks
from kvv_action.schema import CHAT, COMPLETIONS, Request, RunPlan, Sample

CHAINS = 8
"""Chains of samples that are worked on at the same time, at most."""
FIRST_TOKEN = 1.0
"""Seconds until a first token that are assumed."""


def chains_at_once(connections: int) -> int:
    """How many chains of samples are begun at a time: half of the connections are left to others."""
    return max(1, min(CHAINS, connections // 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The most tokens of one request's prompt and answer; None when nothing limits it."""

    prompt: float = 0.0
    answer: float | None = 0.0

    def or_more(self, other: "Spent") -> "Spent":
        """The larger of each."""
        answer = None if self.answer is None or other.answer is None else max(self.answer, other.answer)
        return Spent(prompt=max(self.prompt, other.prompt), answer=answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedUse:
    """One benchmark.

    Attributes:
        items: answers that are planned, samples times epochs.
        requests: to the endpoint under test; `elsewhere` those to a live reference, which are not in the tokens.
        tokens_in, tokens_out: of prompts and of answers.
        asking: seconds of all requests one after the other, in which each takes a connection.
        work: seconds of all items one after the other, with what they do beside asking.
        longest: seconds of the longest item.
        boxed: each item takes a container from its beginning to its end.
        chained: items that begin alike follow one another.
        largest: tokens that a single answer can cost with its prompt: what can be in flight beyond a budget.
        basis: where the expected length of answers comes from.
        memory: bytes that a container must have; 0 where settings say how many.
    """

    id: str
    items: int
    requests: Span
    elsewhere: Span
    tokens_in: Span
    tokens_out: Span
    asking: Span
    work: Span
    longest: Span
    largest: Spent
    boxed: bool
    basis: str
    chained: bool = False
    memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one sample in one epoch costs."""

    requests: Span
    elsewhere: Span
    tokens_in: Span
    tokens_out: Span
    asking: Span
    seconds: Span
    largest: Spent
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """Reckons with one profile at one assumed speed.

    Attributes:
        speed: tokens a second at which one answer comes.
    """

    plan: RunPlan
    profile: Profile
    speed: float

    def estimate(self, loaded: Loaded) -> ExpectedUse:
        """Read every sample of a benchmark once and add up."""
        planned = loaded.planned
        if planned.skip:
            return _summed(loaded, ())
        return _summed(loaded, (self._asked(loaded, sample) for sample in loaded.samples() if loaded.asks(sample.id)))

    def seconds(self, loaded: Loaded) -> float:
        """What the first sample of a benchmark is expected to take, in one epoch; 0 for one without samples."""
        return sum(self._asked(loaded, sample).seconds.expected for sample in islice(loaded.samples(), 1))

    def _asked(self, loaded: Loaded, sample: Sample) -> _Asked:
        outline = loaded.benchmark.outline(sample)
        if (
            outline.published and loaded.planned.dataset.source == "hub"
        ):  # which is not here, so bundled ones stand for it
            outline = outline.published
        mine = [request for request in outline.requests if not request.endpoint]
        counted = [Span(expected=one, ceiling=most) for one, most in outline.prompts]
        costs = [self._cost(loaded, request, prompt) for request, prompt in zip_longest(mine, counted[: len(mine)])]
        follows = Span(expected=outline.follows, ceiling=outline.at_most)
        window = self.profile.context_window
        further_in, further_out = _further(costs, outline, window)
        tokens_out = total((*(out for _, out in costs), further_out))
        requests = Span(expected=len(mine), ceiling=len(mine)) + follows
        asking = requests * FIRST_TOKEN + tokens_out * (1 / self.speed)
        return _Asked(
            requests=requests,
            elsewhere=Span(expected=1, ceiling=1) * (len(outline.requests) - len(mine)),
            tokens_in=total((*(prompt for prompt, _ in costs), further_in)),
            tokens_out=tokens_out,
            asking=asking,
            seconds=asking + Span(expected=outline.beside, ceiling=outline.beside_at_most),
            largest=_largest(costs, outline, window),
            memory=outline.memory,
        )

    def _cost(self, loaded: Loaded, request: Request, counted: Span | None) -> tuple[Span, Span]:
        """Tokens in and out of one request, whose prompt may be counted already; a list of models costs none."""
        if request.path not in (CHAT, COMPLETIONS):
            return Span(), Span()
        body: Mapping[str, Any] = fields_of(request, self.plan, loaded.planned, self.profile)
        typical = loaded.benchmark.typical
        thinking = thinks(self.profile.thinking, asked_thinking(request, loaded.planned))
        usual = typical.thinking if thinking else typical.plain
        if loaded.prompt:
            window = self.profile.context_window
            counted = Span(expected=min(loaded.prompt, window or loaded.prompt), ceiling=window)
        return counted or of_body(body), of_output(body, usual, self.profile.context_window)


def _further(costs: Sequence[tuple[Span, Span]], outline: Outline, window: int | None) -> tuple[Span, Span]:
    """Tokens of what is asked after the requests that are known; each prompt may hold all that was said before."""
    if not outline.at_most or not costs:
        return Span(), Span()
    prompt, answer = costs[-1]
    longest = max((one.ceiling or 0 for one, _ in costs), default=0)
    widest = None if any(out.ceiling is None for _, out in costs) else max(out.ceiling or 0 for _, out in costs)
    grown = outline.follows * (outline.follows + 1) / 2 * outline.grows
    expected = outline.follows * prompt.expected + grown
    most = outline.at_most
    held = None if widest is None else most * longest + widest * most * (most + 1) / 2
    if window is not None:
        held = most * window if held is None else min(held, most * max(window, longest))
    return (
        Span(expected=expected, ceiling=held),
        Span(expected=outline.follows * answer.expected, ceiling=None if widest is None else most * widest),
    )


def _largest(costs: Sequence[tuple[Span, Span]], outline: Outline, window: int | None) -> Spent:
    """The most that one request can cost; the last of those that follow may hold all that was said before."""
    found = Spent()
    for prompt, answer in costs:
        found = found.or_more(Spent(prompt=prompt.ceiling or 0.0, answer=answer.ceiling))
    held = found.prompt + outline.at_most * (found.answer or 0.0)
    return Spent(prompt=held if window is None else min(held, max(window, found.prompt)), answer=found.answer)


def _summed(loaded: Loaded, asked: "Sequence[_Asked] | Iterator[_Asked]") -> ExpectedUse:
    planned = loaded.planned
    sums = {name: Span() for name in ("requests", "elsewhere", "tokens_in", "tokens_out", "asking", "seconds")}
    longest, largest, memory = Span(), Spent(), 0
    for one in asked:
        memory = max(memory, one.memory)
        largest = largest.or_more(one.largest)
        sums = {name: held + getattr(one, name) for name, held in sums.items()}
        longest = _longer(longest, one.seconds)
    work, times = sums.pop("seconds"), planned.epochs * loaded.each
    return ExpectedUse(
        id=planned.id,
        items=loaded.count * planned.epochs,
        work=work * times,
        longest=longest,
        largest=largest,
        boxed=loaded.benchmark.sandboxed,
        chained=loaded.benchmark.chained,
        basis=loaded.benchmark.typical.source,
        memory=memory,
        **{name: span * times for name, span in sums.items()},
    )


def _longer(a: Span, b: Span) -> Span:
    ceiling = None if a.ceiling is None or b.ceiling is None else max(a.ceiling, b.ceiling)
    return Span(expected=max(a.expected, b.expected), ceiling=ceiling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much is done at the same time.

    Attributes:
        connections: requests.
        places: containers that work, with as much memory as settings give each.
        memory: bytes for all containers; None for as many as they need.
    """

    connections: int
    places: int
    memory: int | None = None

    def containers(self, estimate: ExpectedUse) -> int:
        """Containers of one benchmark; fewer where each needs more memory."""
        fitting = self.places if self.memory is None or not estimate.memory else self.memory // estimate.memory
        return max(1, min(self.places, fitting))


def wall(estimates: Sequence[tuple[Loaded, ExpectedUse]], room: Room) -> Span:
    """Seconds of the whole run: gates first, then everything else at once.

    A stage takes as long as all of its requests on all connections, and never less than each of its benchmarks alone.
    """
    stages = ([estimate for loaded, estimate in estimates if loaded.planned.gates is gates] for gates in (True, False))
    return total(_stage(stage, room) for stage in stages)


def _stage(estimates: Sequence[ExpectedUse], room: Room) -> Span:
    boxed = [estimate for estimate in estimates if estimate.boxed]
    found = total(estimate.asking for estimate in estimates) * (1 / room.connections)
    found = _longer(found, total(estimate.work * (1 / room.containers(estimate)) for estimate in boxed))
    for estimate in estimates:
        found = _longer(found, by_itself(estimate, room))
    return found


def by_itself(estimate: ExpectedUse, room: Room) -> Span:
    """Seconds of one benchmark that has everything to itself: as many rounds of items as it takes to ask them all.

    One that works in containers has as many items under way as there are places, whatever the connections; an item
    more than that only waits for a container of its own.
    """
    if not estimate.items:
        return Span()
    at_once = room.containers(estimate) if estimate.boxed else room.connections
    at_once = chains_at_once(room.connections) if estimate.chained else at_once
    rounds = math.ceil(estimate.items / at_once)
    found = _longer(estimate.work * (rounds / estimate.items), estimate.longest)
    return _longer(found, estimate.asking * (1 / room.connections))
