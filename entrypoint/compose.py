"""Puts the parts of a run together and runs them, for the command line and for the container action."""

import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import registry
from entrypoint.again import words
from entrypoint.client import client_options, user_agent_of
from entrypoint.contact import FirstContacts, contact_endpoints
from entrypoint.nested import engine_in_words, nested
from entrypoint.outputs import move_aside, refuse_in_use, unwritten, why_unusable, write_reports
from entrypoint.prepare import Demonstration, PreparedRun, prepare, provenance
from entrypoint.signals import Interruption, run_until_signalled
from entrypoint.spending import budget_of, budget_of_judge, limits_of, prices_of
from kvv_action import __version__
from kvv_action.ask.runner import RunEnding, Runner, end_line
from kvv_action.benchmark import Client, ExportSource, Observer
from kvv_action.errors import JournalError, Problem, RunStopped, UsageError
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.reading import JournalReading, read_plan
from kvv_action.journal.state import JournalState, read_on, read_state
from kvv_action.plan.difference import difference
from kvv_action.plan.plan import Loaded, plan_digest
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL, plain
from kvv_action.report.place import no_run
from kvv_action.schema import (
    JUDGE,
    REFERENCE,
    SCHEMA_VERSION,
    EndpointInfo,
    Provenance,
    RunPlan,
    RunReport,
    RunState,
    Verdict,
)
from kvv_action.settings import Settings, out_directory

if TYPE_CHECKING:
    from kvv_action.endpoint.client import EndpointClient
    from kvv_action.endpoint.memory import MemoryBudget

EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.SKIPPED: 3}
INTERRUPTED = 130
SWITCH = 0.001
"""Seconds after which a thread that works on a long answer lets the event loop go on; usually 5 ms."""
UNASKED = "http://nobody.invalid/v1"
"""In place of an endpoint where none is asked (SWE-bench with an agent that is no model)."""
USAGE = 2


def exit_code(report: RunReport, fail_on: str = "inconclusive") -> int:
    """The exit status: 0 pass, or a shard that is done; 1 fail, 3 inconclusive or skipped, 130 interrupted.

    Args:
        report: the run.
        fail_on: `inconclusive` (all of these), `fail` (3 becomes 0, unless lost answers decide) or `never` (1 and 3
            become 0).
    """
    if report.state is RunState.INTERRUPTED:
        return INTERRUPTED
    if report.plan.shard is not None and report.verdict is not Verdict.FAIL and report.state is RunState.COMPLETE:
        return 0
    return status_of(report.verdict, fail_on, lost=lost_answers_decide(report))


def status_of(verdict: Verdict, fail_on: str, *, lost: bool) -> int:
    """The exit status of a verdict; `fail_on` and `lost` answers that decide as for `exit_code`."""
    lets_through = verdict is not Verdict.FAIL and not lost
    return 0 if fail_on == "never" or (fail_on == "fail" and lets_through) else EXIT[verdict]


def lost_answers_decide(report: RunReport) -> bool:
    """Whether a benchmark would fail, had the answers that did not come been wrong."""
    return any(
        result.verdict is Verdict.INCONCLUSIVE and result.comparison is not None and result.comparison.missing_decides
        for result in report.benchmarks
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRun:
    """A run whose settings are right and whose folder is free; nothing was sent.

    Attributes:
        out: its folder.
        github: what a workflow run says of itself; empty elsewhere.
    """

    prepared: PreparedRun
    out: Path
    github: Mapping[str, str]

    def within(self, settings: Settings) -> "ReadyRun":
        """The same run with other limits of the budget, which are no part of its plan."""
        return replace(self, prepared=replace(self.prepared, settings=settings))


def run_verification(
    settings: Settings,
    observer: Observer,
    *,
    demonstration: Demonstration | None = None,
    github: Mapping[str, str] | None = None,
) -> RunReport:
    """Plan, ask, judge and write every report; raises what `ready` and `verify` raise."""
    return verify(ready(settings, observer, demonstration=demonstration, github=github), observer)


def ready(
    settings: Settings,
    observer: Observer,
    *,
    demonstration: Demonstration | None = None,
    github: Mapping[str, str] | None = None,
) -> ReadyRun:
    """Find every mistake that shows before anything is sent.

    Raises:
        UsageError: wrong settings.
        KvvError: anything else that is explained to the user.
    """
    prepared = prepare(settings, demonstration)
    return ReadyRun(prepared=prepared, out=_folder(prepared, github or {}, observer), github=github or {})


def verify(run: ReadyRun, observer: Observer) -> RunReport:
    """Ask, judge and write every report.

    After SIGINT or SIGTERM nothing more is sent; the answers so far are kept and reported as interrupted.

    Raises:
        KvvError: something that is explained to the user.
    """
    prepared, out, settings, github = run.prepared, run.out, run.prepared.settings, run.github
    with Journal(out / JOURNAL, prepared.redactor) as journal:
        found = read_state(Reader(journal.path), prepared.plan)
        if _missing(found, settings):
            before = journal.path.stat().st_size
            try:
                contacts = contact_endpoints(prepared, found, journal.path, observer)
                _begin(journal, prepared, found, github, contacts)
                read_on(found, journal.path, before)
                if journal.mended_bytes:
                    observer.state(f"a torn journal line of {journal.mended_bytes} bytes was removed; going on")
                if contacts.down:
                    observer.state(contacts.down)
                    journal.append(end_line(RunEnding(state=RunState.STOPPED, reason=contacts.down), time.time()))
                else:
                    asking = partial(_ask, prepared, journal, found, observer, in_job=bool(github))
                    _loop(asking, observer)
            except KeyboardInterrupt:  # before the run listens; its report says interrupted
                if journal.path.stat().st_size == before:
                    raise
        else:
            observer.state(f"{out} holds this run, complete; nothing is asked again (fresh starts a new run)")
        from kvv_action.verdict.report import build

        report = build(journal.path)
    asyncio.run(export(out, prepared.plan, prepared.loaded, prepared.redactor))
    write_reports(out, report, prepared.redactor)
    return report


async def export(out: Path, plan: RunPlan, loaded: Sequence[Loaded], redactor: Redactor) -> None:
    """Write the further files that benchmarks leave beside the reports."""
    leaving = [item for item in loaded if not item.planned.is_variant and registry.listed(item.planned.id).extras]
    if not leaving:
        return
    journal = JournalReading(out / JOURNAL)
    for item in leaving:
        source = ExportSource(journal=journal, plan=plan, planned=item.planned, samples=item.samples, redactor=redactor)
        if not item.planned.skip:
            try:
                await item.benchmark.export(out, source)
            except OSError as error:
                raise unwritten(out, error) from error
        await item.benchmark.aclose()


def _folder(prepared: PreparedRun, github: Mapping[str, str], observer: Observer) -> Path:
    """The out folder, free for this plan.

    In a workflow, a run continues only a journal that an earlier attempt of the same workflow run wrote. Any other one
    is moved aside: it may be about another commit, or planted by the pull request under test.

    Raises:
        UsageError: it holds another run, or cannot be used.
    """
    settings, out = prepared.settings, out_directory(prepared.settings)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if (out / JOURNAL).is_file():
            refuse_in_use(out / JOURNAL)
            foreign = bool(github) and not _ours(out, github.get("run_id"))
            if (
                settings.fresh
                or foreign
                or replaces_a_demonstration(out / JOURNAL, demonstrates=prepared.plan.demonstration)
            ):
                observer.state(f"what {out} held is now in {move_aside(out).name}")
                out.mkdir(parents=True, exist_ok=True)
            else:
                _make_free(out / JOURNAL, prepared)
    except OSError as error:
        raise _unusable(prepared, why_unusable(error)) from None
    return out


def replaces_a_demonstration(journal: Path, *, demonstrates: bool) -> bool:
    """Whether a journal is a demonstration and the run is not: nobody goes on with the one, or misses it."""
    if demonstrates:
        return False
    first = next(iter(Reader(journal)), None)
    return first is not None and first["kind"] != "merge" and read_plan(journal).demonstration


def _make_free(journal: Path, prepared: PreparedRun) -> None:
    """Keep a journal of the same plan, unless it is a complete demonstration; remove one of another demonstration.

    Raises:
        UsageError: it holds another run, or merged shards.
    """
    first = next(iter(Reader(journal)), None)
    if first is None:
        return
    old = read_plan(journal)
    if first["kind"] == "merge":
        allowed = "Holds merged shards; go on in the folders of the shards, or choose another folder, or set fresh."
        raise _unusable(prepared, allowed)
    same = plan_digest(old) == plan_digest(prepared.plan)
    if old.demonstration and prepared.plan.demonstration:
        if not same or _complete(journal):
            journal.unlink()
    elif not same:
        differences = difference(old, prepared.plan)
        began = first["provenance"]["version"]
        other = (
            f"kvv {began} began it, and this is {__version__}: go on with that version, "
            if began != __version__
            else ""
        )
        raise _unusable(prepared, f"Holds another run ({differences}); {other}choose another folder, or set fresh.")


def _unusable(prepared: PreparedRun, why: str) -> UsageError:
    return UsageError([Problem(name="out", value=prepared.settings.out, allowed=why)])


def _ours(out: Path, run_id: str | None) -> bool:
    """Whether one GitHub workflow run wrote every session of a folder's journal."""
    try:
        sessions = [record for record in Reader(out / JOURNAL) if record["kind"] == "session"]
        return all(session["provenance"]["github"].get("run_id") == run_id for session in sessions)
    except (JournalError, KeyError, TypeError, AttributeError):
        return False


def _complete(journal: Path) -> bool:
    last = None
    for last in Reader(journal):  # noqa: B007 - only the last one matters
        pass
    return last is not None and last["kind"] == "end" and last["state"] == RunState.COMPLETE


def _missing(found: JournalState, settings: Settings) -> bool:
    """Whether anything is left to ask."""
    if found.end is None or found.end["state"] != RunState.COMPLETE:
        return True
    if any(board.absent for board in found.progress.values()):
        return True
    return settings.retry_failed and any(any(board.failed) for board in found.progress.values() if not board.skip)


def _begin(
    journal: Journal, prepared: PreparedRun, found: JournalState, github: Mapping[str, str], contacts: FirstContacts
) -> None:
    settings = prepared.settings
    limits, prices = limits_of(settings), prices_of(settings)
    journal.append(
        {
            "kind": "session",
            "schema": SCHEMA_VERSION,
            "session": len(found.sessions) + 1,
            "started": contacts.started,
            "plan": prepared.plan,
            "provenance": plain(_made_by(prepared, github)),
            **({"budget": limits} if limits.any else {}),
            **({"prices": prices} if prices else {}),
            **contacts.fields(),
        }
    )


def _made_by(prepared: PreparedRun, github: Mapping[str, str]) -> Provenance:
    """What takes part in this session, and as whom it asks."""
    engine, agent = engine_in_words(prepared.loaded), user_agent_of(prepared.settings)
    again = words(prepared.settings, prepared.plan)
    return replace(provenance(github), engine=engine, user_agent=prepared.redactor.text(agent), again=again)


def _loop(main: Callable[[Interruption], Coroutine[Any, Any, None]], observer: Observer) -> None:
    """Run to the end on uvloop, or on asyncio's own loop where there is none.

    Requests make many short-lived objects and few cycles: collecting less often saves a fifth of the processor time.
    """
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(SWITCH)
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    run_until_signalled(main, observer.state, factory)


async def _ask(
    prepared: PreparedRun,
    journal: Journal,
    found: JournalState,
    observer: Observer,
    interruption: Interruption,
    *,
    in_job: bool,
) -> None:
    from kvv_action.endpoint.memory import MemoryBudget

    settings, memory = prepared.settings, MemoryBudget(prepared.settings.max_memory)
    async with (
        _endpoint(prepared) as base_url,
        _client(prepared, base_url, "", memory) as client,
        _other(prepared, REFERENCE, prepared.plan.reference, base_url, memory) as reference,
        _other(prepared, JUDGE, prepared.plan.judge, base_url, memory) as judge,
        nested(prepared.settings, prepared.loaded, journal.path, observer, in_job=in_job) as containers,
    ):
        budget = budget_of(settings, journal.path, found)
        if settings.baseline and base_url != UNASKED:
            from entrypoint.gate import ask_candidate

            await ask_candidate(prepared, journal, client, budget, observer)
        runner = Runner(
            plan=prepared.plan,
            profile=prepared.profile,
            loaded=prepared.loaded,
            client=client,
            journal=journal,
            found=found,
            observer=observer,
            sandbox=containers.sandbox,
            absent=containers.absent,
            named=prepared.settings.benchmarks,
            reference=reference,
            judge=judge,
            workers=prepared.settings.max_connections,
            speed=prepared.settings.assumed_speed,
            retry_failed=prepared.settings.retry_failed,
            budget=budget,
            judge_budget=budget_of_judge(settings, journal.path, found),
        )
        sync, ticks = asyncio.create_task(journal.sync_forever()), asyncio.create_task(_tick(observer))
        try:
            ending = await _until_signalled(runner, interruption, sync)
        finally:
            for helper in (sync, ticks):
                helper.cancel()
            for item in prepared.loaded:
                await item.benchmark.aclose()
        with contextlib.suppress(RunStopped):  # a full disk takes no end line either
            runner.finish(ending)


@asynccontextmanager
async def _other(
    prepared: PreparedRun, role: str, asked: EndpointInfo | None, embedded: str, memory: "MemoryBudget"
) -> AsyncIterator[Client | None]:
    """The client of a live reference or a judge, with its own key and its own limits; None where the run has none."""
    if asked is None:
        yield None
        return
    base_url = embedded if prepared.plan.demonstration else asked.base_url
    async with _client(prepared, base_url, role, memory) as client:
        yield client


async def _tick(observer: Observer) -> None:
    while True:
        await asyncio.sleep(1)
        observer.tick()


async def _until_signalled(runner: Runner, interruption: Interruption, sync: "asyncio.Task[None]") -> RunEnding:
    """Run until done, until a signal cancels this task, or until `sync` fails."""
    task = asyncio.create_task(runner.run())
    sync.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        if interruption.taken:
            told = f"interrupted by {interruption.name}; the same command goes on"
            return RunEnding(state=RunState.INTERRUPTED, reason=told)
        if sync.done() and not sync.cancelled() and (error := sync.exception()):
            return RunEnding(state=RunState.STOPPED, reason=str(error))
        raise


def _client(prepared: PreparedRun, base_url: str, role: str, memory: "MemoryBudget") -> "EndpointClient":
    from kvv_action.endpoint.client import EndpointClient

    options = client_options(prepared.settings, base_url, prepared.redactor, role=role)
    return EndpointClient(options, memory=memory)


@asynccontextmanager
async def _endpoint(prepared: PreparedRun) -> AsyncIterator[str]:
    """The base URL: the user's, or that of an embedded vendor that lives as long as the run."""
    if not prepared.plan.demonstration:
        yield prepared.settings.base_url or UNASKED
        return
    from kvv_action.simulator import AnswerBook, EmbeddedVendor, VendorOptions, parse_fault

    options = VendorOptions(
        profile=prepared.profile,
        model=prepared.plan.endpoint.model,
        faults=tuple(parse_fault(fault) for fault in prepared.plan.faults),
        seed=prepared.plan.seed,
    )
    book = AnswerBook((item.benchmark, item.samples()) for item in prepared.loaded)
    async with EmbeddedVendor(options, book) as vendor:
        yield vendor.base_url


def check_journal(out: Path) -> Path:
    """The journal of a run's folder, or the file itself.

    Raises:
        JournalError: there is none.
    """
    path = out / JOURNAL if out.is_dir() else out
    if not path.is_file():
        raise JournalError(no_run(out, JOURNAL))
    return path
