"""Asks what the plan says, keeps every answer, judges it; the one place where failures become data."""

import asyncio
import math
import re
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import orjson

from kvv_action.aside import LONG, in_turn, is_long, to_the_end
from kvv_action.ask.budget import Budget, BudgetSpent, Limits, believed, generated, usage_in, wasted
from kvv_action.ask.mistakes import BASE_URL
from kvv_action.ask.refusing import PLAIN as PLAIN_REQUEST
from kvv_action.ask.refusing import RefusalWatch
from kvv_action.ask.schedule import Lane, alternate, drive
from kvv_action.ask.stopping import Stopping, waves
from kvv_action.benchmark import Client, Finished, Observer, Sandbox
from kvv_action.errors import (
    EndpointError,
    JudgeError,
    KvvError,
    Rejected,
    RunStopped,
    SandboxError,
    ScoringError,
    Undecided,
)
from kvv_action.journal.file import Journal
from kvv_action.journal.lines import (
    answer_line,
    error_line,
    observation_line,
    rejection_of,
    result_line,
    withdrawn_line,
)
from kvv_action.journal.state import JournalState
from kvv_action.plan.estimate import Estimator, chains_at_once
from kvv_action.plan.plan import Loaded
from kvv_action.plan.request import answer_key, compose
from kvv_action.plan.tokens import of_body
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import with_thinking_apart
from kvv_action.schema import (
    CHAT,
    COMPLETIONS,
    JUDGE,
    REFERENCE,
    BenchmarkKind,
    Completion,
    Exchange,
    FailureKind,
    Json,
    Observation,
    Place,
    Request,
    RunPlan,
    RunState,
    Sample,
    SampleFailure,
    Score,
    all_crashed,
)
from kvv_action.verdict.answers import tables_of
from kvv_action.verdict.checks.markers import echo_of
from kvv_action.verdict.rules import rules_of

POSTED = (CHAT, COMPLETIONS)
OFFICIAL_REFUSAL = 400
"""The status by which the official endpoint refuses a request."""
PLAIN = 16
"""Bytes of a body for each token that an endpoint counts, beyond which its count is looked at more closely."""
KEPT, KEPT_SCORED = 4000, 2000
"""Characters of a request that are kept: of a probe, and of a scored sample."""
_PICTURE = re.compile(rb"(data:[\w.+/-]{1,60};base64,)[A-Za-z0-9+/=]{64,}")
_UNSCORED: Mapping[type[KvvError], FailureKind] = {
    JudgeError: FailureKind.JUDGE,
    Undecided: FailureKind.UNDECIDED,
    ScoringError: FailureKind.SCORER,
    SandboxError: FailureKind.SANDBOX,
}
"""Errors that leave a sample without a score and are not failures of the endpoint, each with its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnding:
    """How far the run came, and why no further."""

    state: RunState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One sample in one epoch."""

    loaded: Loaded
    sample: Sample
    place: Place


_Chain = tuple[_Item, ...]
"""Samples that are asked one after another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outgoing:
    """A request on its way: where to, the bytes, and the names under which its answer is kept."""

    path: str
    content: bytes
    stream: bool
    call: int
    digest: str
    key: str
    kept: str
    endpoint: str = ""
    verbatim: bool = False
    metered: bool = False
    may_crash: bool = False
    tries: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """What the budget counts of an answer.

    Attributes:
        prompt: our estimate; 0 where the endpoint's count is believed.
        generated: tokens of the answer.
    """

    prompt: int
    generated: int


class _GivenUp(Exception):
    """The benchmark ended early while this sample was in flight."""


class _Generate:
    """Sends the requests of one sample in one epoch; every answer is journaled before it is handed over."""

    def __init__(self, runner: "Runner", item: _Item) -> None:
        self._runner = runner
        self._item = item
        self._call = 0
        self._asked = False
        self.exchanges: dict[int, Exchange] = {}

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        out = await self._outgoing(request)
        exchange = self._runner.known.pop(out.key, None) or await self._send(out, may_reject=may_reject)
        if exchange.rejection is not None and not may_reject:
            rejection = exchange.rejection
            status, told = rejection.status, rejection.message
            if not told.startswith(f"HTTP {status}"):  # journals of earlier versions have it in the message
                told = f"HTTP {status}: {told}" if told else f"HTTP {status}"
            raise EndpointError(FailureKind.REJECTED, told, status=status, body=rejection.body)
        self.exchanges[out.call] = exchange
        return exchange

    @property
    def was_refused(self) -> bool:
        """Whether a request of the sample was refused."""
        refusals = (exchange.rejection for exchange in self.exchanges.values())
        return any(rejection is not None and not rejection.crashed for rejection in refusals)

    def observe(self, name: str, data: Mapping[str, Json] | None = None, text: str = "") -> Observation:
        return self._observed(self._next(), name, data, text)

    async def keep(self, name: str, data: Mapping[str, Json] | None, text: str) -> Observation:
        return await in_turn(len(text) > LONG, self._observed, self._next(), name, data, text)

    def _observed(self, call: int, name: str, data: Mapping[str, Json] | None, text: str) -> Observation:
        journal = self._runner.journal
        observation = Observation(name=name, data=journal.redacted(dict(data or {})), text=journal.redacted(text))
        journal.append(observation_line(self._item.place, call, observation))
        self.exchanges[call] = Exchange(call=call, observation=observation)
        return observation

    def _next(self) -> int:
        call, self._call = self._call, self._call + 1
        return call

    async def _outgoing(self, request: Request) -> _Outgoing:
        planned, place, runner = self._item.loaded.planned, self._item.place, self._runner
        call, first, self._asked = self._next(), not self._asked, True
        content, stream = request.path.encode(), False
        if request.path in POSTED or request.verbatim:
            content, stream = compose(request, runner.plan, planned, runner.profile)
        long = len(content) > LONG
        digest, key = await in_turn(
            long, answer_key, content, runner.plan, planned,
            sample=place.sample, epoch=place.epoch, call=call, endpoint=request.endpoint,
        )  # fmt: skip
        kept = await in_turn(long, _kept, content, planned.kind, first=first)
        return _Outgoing(
            path=request.path, content=content, stream=stream, call=call, digest=digest, key=key, kept=kept,
            endpoint=request.endpoint, verbatim=request.verbatim, metered=request.metered, may_crash=request.may_crash,
            tries=request.tries, number=runner.refusals.begin(),
        )  # fmt: skip

    async def _send(self, out: _Outgoing, *, may_reject: bool) -> Exchange:
        echo = await in_turn(len(out.content) > LONG, echo_of, out.content)
        if budget := self._runner.budget_of(out.endpoint):
            budget.take()
        try:
            completion = with_thinking_apart(self._runner.profile.thinking, await self._answer(out))
        except RunStopped as stop:
            if isinstance(stop.__cause__, EndpointError):
                await _noted(out, self._note_error(out, stop.__cause__))
            if out.endpoint:
                # it ends the run, but it is no failure of the endpoint under test
                told = BASE_URL.sub(f"{out.endpoint}-base-url", str(stop))
                raise RunStopped(f"the {out.endpoint} endpoint: {told}") from None
            raise
        except asyncio.CancelledError:
            with suppress(RunStopped):  # the run ends anyway
                await _noted(out, self._note_withdrawn(out))
            raise
        except EndpointError as error:
            exchange = await self._lost(out, error, may_reject=may_reject)
            if exchange.rejection is not None and exchange.rejection.crashed:
                return exchange
        else:
            exchange = Exchange(
                call=out.call, request=out.kept, endpoint=out.endpoint, completion=completion, echo=echo
            )
            if not out.endpoint:
                self._runner.refusals.see(exchange, out.number)
        await self._keep(out, exchange)
        return exchange

    async def _keep(self, out: _Outgoing, exchange: Exchange) -> None:
        """Write an answer down and count it: a long one in a thread, to the end even if the sample is given up."""
        if not self._runner.journal.busy and not is_long((exchange,), len(out.content)):
            self._count(out, exchange, self._write_down(out, exchange))
            return
        await to_the_end(self._keep_aside(out, exchange))

    async def _keep_aside(self, out: _Outgoing, exchange: Exchange) -> None:
        self._count(out, exchange, await asyncio.to_thread(self._write_down, out, exchange))

    def _write_down(self, out: _Outgoing, exchange: Exchange) -> _Tokens | None:
        """Append the line of an answer; returns the tokens that the budget counts, None where it counts none."""
        counts = self._runner.budget_of(out.endpoint) is not None and out.path in POSTED
        completion = exchange.completion if counts else None
        prompt = _reckoned_prompt(out, completion) if completion is not None else 0
        line = answer_line(self._item.place, exchange, key=out.key, request=out.digest, reckoned=prompt)
        self._runner.journal.append(line)
        return None if completion is None else _Tokens(prompt=prompt, generated=generated(completion))

    def _count(self, out: _Outgoing, exchange: Exchange, tokens: _Tokens | None) -> None:
        budget = self._runner.budget_of(out.endpoint)
        if budget is not None and exchange.completion is not None and tokens is not None:
            budget.count(exchange.completion, tokens.prompt, tokens.generated)

    async def _lost(self, out: _Outgoing, error: EndpointError, *, may_reject: bool) -> Exchange:
        """What a benchmark judges of a request that has no answer.

        Raises:
            EndpointError: nothing; it has failed.
        """
        crashed = out.may_crash and all_crashed(error.attempts)
        refused = may_reject and isinstance(error, Rejected)
        if not refused:
            await _noted(out, self._note_error(out, error, sent=out.kept if crashed else ""))
        exchange = Exchange(call=out.call, request=out.kept, endpoint=out.endpoint, rejection=rejection_of(error))
        if isinstance(error, Rejected) and out.path in POSTED and not out.endpoint:
            self._runner.refusals.see(exchange, out.number)
        if not (refused or crashed):
            raise error
        return exchange

    async def _answer(self, out: _Outgoing) -> Completion:
        client = self._runner.client_of(out.endpoint)
        hints: dict[str, Any] = {"tries": out.tries, "may_crash": True} if out.may_crash else {}
        if out.verbatim:
            completion = await client.fetch(out.path, out.content, **hints)
            return replace(completion, usage=usage_in(completion.content)) if out.metered else completion
        if out.path == CHAT:
            return await client.complete(out.content, stream=out.stream, **hints)
        if out.path in POSTED:
            return await client.complete(out.content, stream=out.stream, path=out.path, **hints)
        return await client.fetch(out.path, **hints)

    async def _note_error(self, out: _Outgoing, error: EndpointError, sent: str = "") -> None:
        """Write down a request that failed for good, its tries counted; a benchmark may judge what was `sent`."""
        prompt, budget = 0, self._runner.budget_of(out.endpoint)
        if budget and wasted(error.attempts):
            prompt = await _prompt_aside(out)
            budget.waste(error.attempts, prompt)
        line = error_line(
            self._item.place, error, key=out.key, request=out.digest, call=out.call, endpoint=out.endpoint,
            reckoned=prompt, sent=sent,
        )  # fmt: skip
        self._runner.journal.append(line)

    async def _note_withdrawn(self, out: _Outgoing) -> None:
        """Write down a request that was given up, its prompt counted; how much of the answer had come is not known."""
        budget = self._runner.budget_of(out.endpoint)
        prompt = await _prompt_aside(out) if budget else 0
        if budget:
            budget.prompt += prompt
        line = withdrawn_line(
            self._item.place, key=out.key, request=out.digest, call=out.call, endpoint=out.endpoint, reckoned=prompt
        )
        self._runner.journal.append(line)


def _reckoned_prompt(out: _Outgoing, completion: Completion) -> int:
    """The tokens of a prompt when the endpoint did not say, or said too little, else 0."""
    said = completion.tokens
    if said is not None and len(out.content) <= PLAIN * said[0]:
        return 0
    reckoned = _prompt(out)
    return 0 if said is not None and believed(said[0], reckoned) else reckoned


def _prompt(out: _Outgoing) -> int:
    """Tokens of a request's prompt, reckoned."""
    return math.ceil(of_body(orjson.loads(out.content)).expected) if out.path in POSTED else 0


async def _noted(out: _Outgoing, noting: Coroutine[Any, Any, None]) -> None:
    """Write a line down, even if the sample is given up while the tokens of a long prompt are estimated."""
    await (to_the_end(noting) if len(out.content) > LONG else noting)


async def _prompt_aside(out: _Outgoing) -> int:
    """The same; those of a long prompt are estimated in a thread."""
    return await in_turn(len(out.content) > LONG, _prompt, out)


def _kept(content: bytes, kind: BenchmarkKind, *, first: bool) -> str:
    """The beginning of a body, as evidence; of a scored sample, which may ask a hundred times, only the first one's."""
    limit = KEPT if kind is BenchmarkKind.CONTRACT else KEPT_SCORED
    if not first and kind is not BenchmarkKind.CONTRACT:
        return ""
    shown = _PICTURE.sub(rb"\1...", content) if len(content) > limit else content
    text = shown[: 4 * limit].decode(errors="replace")
    return text if len(text) <= limit else f"{text[:limit]}… ({len(content)} bytes in all)"


class Runner:
    """One run, or the rest of one.

    Args:
        plan: what to ask; its benchmarks are those of `loaded`, in order.
        profile: the model's rules.
        loaded: the benchmarks with their samples.
        client: sends requests; retries and limits on its own.
        journal: where evidence goes.
        found: what the journal already holds.
        observer: is told of progress.
        sandbox: nested containers, when a benchmark needs them.
        absent: by id of benchmarks that cannot be asked on this machine, what is missing.
        named: ids of the benchmarks that the user asked for by name; a run without one of them does not pass.
        reference: sends requests to the endpoint that answers are compared with, when the plan has one.
        judge: the same to the endpoint whose model judges answers.
        workers: samples worked on at the same time, but for those in containers (`schedule`).
        speed: assumed tokens a second of an answer, by which the longest work is found.
        retry_failed: ask again what failed in an earlier session.
        budget: what may be spent, and what earlier sessions spent.
        judge_budget: the same of the judge.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        plan: RunPlan,
        profile: Profile,
        loaded: Sequence[Loaded],
        client: Client,
        journal: Journal,
        found: JournalState,
        observer: Observer,
        sandbox: Sandbox | None = None,
        absent: Mapping[str, str] | None = None,
        named: Collection[str] = (),
        reference: Client | None = None,
        judge: Client | None = None,
        workers: int = 50,
        speed: float = 40.0,
        retry_failed: bool = True,
        budget: Budget | None = None,
        judge_budget: Budget | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.plan = plan
        self.profile = profile
        self.client = client
        self.journal = journal
        self.known = found.keys
        self.budget = budget or Budget(Limits())
        self._loaded = loaded
        self._found = found
        self._observer = observer
        self._sandbox = sandbox
        self._absent = absent or {}
        self._named = named
        self._clients = {"": client, REFERENCE: reference, JUDGE: judge}
        self._budgets = {"": self.budget, JUDGE: judge_budget or Budget(Limits(), role=JUDGE)}
        self._workers = workers
        self._estimator = Estimator(plan=plan, profile=profile, speed=speed)
        self._retry_failed = retry_failed
        self._clock = clock
        self._wrong_probes = found.wrong_probes
        self._refused = False
        self.refusals = RefusalWatch()
        self._working: dict[_Generate, _Item] = {}
        self._last: _Generate | None = None
        self._stopping = Stopping(plan, tables_of(journal.path, plan), retry_failed=retry_failed)
        self._preparing: asyncio.Task[None] | None = None
        self._flying: dict[str, set[asyncio.Task[Score]]] = {}

    def client_of(self, endpoint: str) -> Client:
        """The client of the endpoint under test (empty), of the reference or of the judge."""
        client = self._clients[endpoint]
        assert client is not None, f"the plan has no {endpoint} endpoint"
        return client

    def budget_of(self, endpoint: str) -> Budget | None:
        """What limits the requests to an endpoint; None for the reference, which nothing limits."""
        return self._budgets.get(endpoint)

    async def run(self) -> RunEnding:
        """Ask everything that is missing.

        Cancelling this task stops sending at once; what came is in the journal, the `end` line is written by `finish`.

        Returns:
            Complete, or stopped with the reason: the endpoint, the disk, the budget, or samples that can no longer
            be read.
        """
        reason = ""
        if self._stopping.looks:
            self._preparing = asyncio.create_task(asyncio.to_thread(self._stopping.prepare))
        try:
            reason = await self._within_budget()
        except* KvvError as stops:
            reason = str(_first(stops))
        finally:
            if self._preparing is not None:
                self._preparing.cancel()  # the run ended before it was needed
        if not reason:
            return RunEnding(state=RunState.COMPLETE, reason="")
        self._observer.state(reason)
        return RunEnding(state=RunState.STOPPED, reason=reason)

    async def _within_budget(self) -> str:
        """Ask until nothing is left, or until the budget is spent; then the reason."""
        try:
            async with asyncio.timeout(self.budget.seconds_left):
                for stage in self._stages():
                    await self._drive(stage)
                    if self._refused:
                        return next((budget.reason for budget in self._budgets.values() if budget.reason), "")
        except TimeoutError:
            return self.budget.overtime()
        return ""

    def finish(self, ending: RunEnding) -> None:
        """Write the `end` line."""
        self.journal.append(end_line(ending, self._clock()))
        self.journal.sync()

    def _stages(self) -> Iterator[Sequence[Loaded]]:
        """Gates first, then the rest, unless a gate closed; last, one by one, the benchmarks that must be alone."""
        active = [
            loaded
            for loaded in self._loaded
            if not loaded.planned.skip and not (loaded.count and self._is_absent(loaded.planned.id))
        ]
        gates = [loaded for loaded in active if loaded.planned.gates]
        rest = [loaded for loaded in active if not loaded.planned.gates]
        if gates:
            yield gates
        closed = self._closed(gates)
        if not closed:
            yield [loaded for loaded in rest if not loaded.benchmark.alone]
            yield from ([loaded] for loaded in rest if loaded.benchmark.alone)
            return
        self._observer.state(closed)
        for loaded in rest:
            self.journal.append({"kind": "skip", "benchmark": loaded.planned.id, "reason": closed})

    def _is_absent(self, benchmark: str) -> bool:
        """Whether something that a benchmark needs is missing here; the journal then says so of what is not done."""
        reason, board = self._absent.get(benchmark, ""), self._found.progress[benchmark]
        results = zip(board.last, board.failed, strict=True)
        if reason and not all(last and self._stands(failed) for last, failed in results):
            line = {"kind": "skip", "benchmark": benchmark, "reason": reason, "absent": True}
            self.journal.append({**line, "named": True} if benchmark in self._named else line)
        return bool(reason)

    def _closed(self, gates: Sequence[Loaded]) -> str:
        """Why the gate is closed; empty when it is open."""
        if self.plan.precheck != "gate":
            return ""
        for loaded in gates:
            wrong = set(self._wrong_probes.get(loaded.planned.id, []))
            if wrong:  # in the order of the plan, as the verdict names them
                names = [sample.id for sample in loaded.samples() if sample.id in wrong]
                return f"{loaded.planned.title} failed: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        return ""

    async def _drive(self, stage: Sequence[Loaded]) -> None:
        asked = [loaded for loaded in stage if loaded.count]
        # published items and the same ones put another way are asked in turn, so that nothing else differs between them
        beside = {loaded.planned.variant_of: loaded for loaded in asked if loaded.planned.is_variant}
        first = [loaded for loaded in asked if not loaded.planned.is_variant]
        pairs = [(loaded, beside.pop(loaded.planned.id, None)) for loaded in first]
        pairs += [(loaded, None) for loaded in beside.values()]
        lanes = [self._lane(loaded, other, alone=len(pairs) == 1) for loaded, other in pairs]
        await drive(lanes, self._worked, self._workers)
        if self.refusals.holds and self._last is not None:
            await self._made_sure(self._last)

    def _lane(self, loaded: Loaded, beside: Loaded | None, *, alone: bool) -> Lane[_Chain]:
        """A benchmark in the schedule; one that works in containers has a place more than the engine.

        That one's image is pulled while the models of the others think. Of a chained benchmark only a few chains are
        asked at a time: their prompts are long, and the cache of a server holds only some.
        """
        chains = self._chains(loaded)
        if beside is not None:
            chains = alternate(chains, self._chains(beside))
        places = chains_at_once(self._workers) if loaded.benchmark.chained else None
        if loaded.benchmark.sandboxed:
            places = self._sandbox.places + 1 if self._sandbox is not None else 1
        if loaded.benchmark.alone:
            places = 1
        seconds = 0.0 if alone else self._estimator.seconds(loaded)
        return Lane(items=chains, seconds=seconds, places=places)

    def _chains(self, loaded: Loaded) -> Iterator[_Chain]:
        """What is missing, in groups that are asked one after another."""
        items = self._begun(loaded)
        if not loaded.benchmark.chained:
            return zip(items, strict=True)
        groups = groupby(items, lambda item: item.sample.cluster or item.sample.id)
        return (tuple(chain) for _, chain in groups)

    def _begun(self, loaded: Loaded) -> Iterator[_Item]:
        """Tell the observer, then what is missing."""
        planned, board = loaded.planned, self._found.progress[loaded.planned.id]
        done = sum(1 for last, failed in zip(board.last, board.failed, strict=True) if last and self._stands(failed))
        self._observer.started(planned.id, loaded.count * planned.epochs, done)
        return self._items(loaded)

    def _items(self, loaded: Loaded) -> Iterator[_Item]:
        """What is still missing of a benchmark, in the order of the plan; ends when the budget does."""
        planned = loaded.planned
        if not planned.looks:
            yield from self._missing(loaded, None)
            return
        if self._stopping.decided(planned.id):
            self._end_early(planned.id)
        rules = rules_of(self.plan).of(planned.id)
        for wave in waves(planned, rules.asked, chained=rules.chained):
            yield from self._missing(loaded, wave)

    def _missing(self, loaded: Loaded, wave: frozenset[int] | None) -> Iterator[_Item]:
        """The same of one wave, or of everything; samples are not read further than needed."""
        planned, board = loaded.planned, self._found.progress[loaded.planned.id]
        last = planned.samples - 1 if wave is None else max(position // planned.epochs for position in wave)
        for index, sample in zip(range(last + 1), loaded.samples(), strict=False):
            if not loaded.asks(sample.id):
                continue
            for epoch in range(planned.epochs):
                position = board.position(index, epoch)
                if wave is not None and position not in wave:
                    continue
                if board.last[position] and self._stands(board.failed[position]):
                    continue
                if not self._may_begin(planned.id):
                    return
                place = Place(benchmark=planned.id, sample=sample.id, index=index, epoch=epoch)
                yield _Item(loaded=loaded, sample=sample, place=place)

    def _end_early(self, benchmark: str) -> None:
        """Say that the rest of a benchmark is not asked, and give up what is in flight: it decides nothing any more."""
        flying = self._flying.get(benchmark, set())
        tasks = tuple(flying)
        flying.clear()
        given_up = sum(task.cancel() for task in tasks)
        reason = self._stopping.decided(benchmark) + (f"; {given_up} in flight were given up" if given_up else "")
        self.journal.append({"kind": "skip", "benchmark": benchmark, "reason": reason})
        self._observer.state(f"{benchmark}: {reason}")

    def _stands(self, failed: int) -> bool:
        """Whether an earlier result is kept."""
        return not (failed and self._retry_failed)

    async def _worked(self, chain: _Chain) -> None:
        """Samples one after another, while more may be begun."""
        for item in chain:
            if not self._may_begin(item.place.benchmark):
                return
            await self._worked_on(item)

    def _may_begin(self, benchmark: str) -> bool:
        """Whether another sample may be begun: the benchmark's verdict is open, and no budget is spent."""
        if self._stopping.decided(benchmark):
            return False
        self._refused = self._refused or not all(budget.left() for budget in self._budgets.values())
        return not self._refused

    async def _worked_on(self, item: _Item) -> None:
        """One sample in one epoch, known as such while it is worked on."""
        generate = _Generate(self, item)
        self._working[generate] = item
        try:
            await self._one(item, generate)
        finally:
            del self._working[generate]

    async def _one(self, item: _Item, generate: _Generate) -> None:
        """One sample in one epoch: the only place that catches everything."""
        try:
            score = await self._score(item, generate)
            assert 0.0 <= score.value <= 1.0, score
            result: Score | SampleFailure = replace(score, value=float(score.value), category=item.sample.category)
        except EndpointError as error:
            result = _failure(error, item.sample)
        except BudgetSpent:
            self._refused = True
            return
        except _GivenUp:
            return
        except tuple(_UNSCORED) as error:
            kind = next(kind for cause, kind in _UNSCORED.items() if isinstance(error, cause))
            result = SampleFailure(kind=kind, message=str(error), counts=item.sample.unanswered)
        except RunStopped as stop:
            if isinstance(stop.__cause__, EndpointError):
                cause, counts = stop.__cause__, item.sample.unanswered
                failure = SampleFailure(kind=cause.kind, message=cause.message, counts=counts)
                self._settle(item, failure, ())
            raise
        except Exception as error:  # noqa: BLE001 - the failure boundary: a defect of ours is data, never a wrong answer
            result = SampleFailure(kind=FailureKind.INTERNAL, message=_words(error), counts=item.sample.unanswered)
        await self._kept(item, generate, result)

    async def _kept(self, item: _Item, generate: _Generate, result: Score | SampleFailure) -> None:
        """Write a result, or keep it back while the endpoint seems to refuse everything."""
        self._last, calls = generate, sorted(generate.exchanges)
        if item.loaded.planned.looks and self._preparing is not None and not self._preparing.done():
            await asyncio.shield(self._preparing)  # before the first look
        await self.journal.free()
        if generate.was_refused:
            self.refusals.hold(result, lambda known: self._settle(item, known, calls))
        else:
            self._settle(item, result, calls)
        if self.refusals.due:
            await self._made_sure(generate)

    async def _made_sure(self, generate: _Generate) -> None:
        """Send a plain request where refusals follow one another; when it is refused as well, the run ends.

        Raises:
            RunStopped: the endpoint refuses everything.
        """
        self.refusals.looking()
        try:
            exchange = await generate(PLAIN_REQUEST, may_reject=True)
        except (EndpointError, BudgetSpent):
            return
        rejection = exchange.rejection
        if rejection is None or rejection.crashed:
            return
        words = f"HTTP {rejection.status}: {rejection.message}".removesuffix(": ").rstrip(".")
        failure = SampleFailure(kind=FailureKind.REJECTED, message=words)
        for other, item in self._working.items():
            if other is not generate and other.was_refused:  # when the run goes on, it is asked again
                self._settle(item, failure, ())
        raise RunStopped(self.refusals.refused(failure))

    async def _score(self, item: _Item, generate: _Generate) -> Score:
        """Ask and judge; a benchmark that may end early in a task of its own, which `_end_early` can cancel."""
        if not item.loaded.planned.looks:
            return await self._asked(item, generate)
        task = asyncio.create_task(self._asked(item, generate))
        flying = self._flying.setdefault(item.place.benchmark, set())
        flying.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if task in flying or (current is not None and current.cancelling()):
                raise
            raise _GivenUp from None
        finally:
            flying.discard(task)

    async def _asked(self, item: _Item, generate: _Generate) -> Score:
        await item.loaded.benchmark.solve(item.sample, generate, self._sandbox)
        exchanges = [generate.exchanges[call] for call in sorted(generate.exchanges)]
        return await item.loaded.benchmark.score(item.sample, exchanges)

    def _settle(self, item: _Item, result: Score | SampleFailure, calls: Sequence[int]) -> None:
        place = item.place
        self.journal.append(result_line(place, result, self._clock(), calls))
        if isinstance(result, Score) and result.value < 1.0 and item.loaded.planned.gates:
            self._wrong_probes.setdefault(place.benchmark, []).append(place.sample)
        position = place.index * item.loaded.planned.epochs + place.epoch
        if self._stopping.settle(place.benchmark, position, result):
            self._end_early(place.benchmark)
        self._observer.finished(
            Finished(benchmark=place.benchmark, sample=place.sample, epoch=place.epoch, result=result)
        )


def _failure(error: EndpointError, sample: Sample) -> SampleFailure:
    """Why a request has no answer; one that the official endpoint refuses as well has not failed."""
    if sample.refusable and error.kind is FailureKind.REJECTED and error.status == OFFICIAL_REFUSAL:
        return SampleFailure(kind=FailureKind.REFUSED, message=f"{sample.refusable}: {error.message}")
    return SampleFailure(kind=error.kind, message=error.message, counts=sample.unanswered)


def end_line(ending: RunEnding, at: float) -> Mapping[str, Json]:
    """The line with which a session ends in an orderly way; `at` in seconds since the epoch."""
    return {"kind": "end", "state": ending.state, "reason": ending.reason, "at": at}


def _words(error: Exception) -> str:
    """An unforeseen exception, as text that JSON can hold whatever is in it."""
    return f"{type(error).__name__}: {error}"[:500].encode(errors="backslashreplace").decode()


def _first(group: BaseExceptionGroup[KvvError]) -> BaseException:
    """The first plain exception in a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
