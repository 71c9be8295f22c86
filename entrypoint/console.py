"""What a person sees during a run and after it."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO, cast

from entrypoint.streams import Leavable, silence
from kvv_action.benchmark import Finished
from kvv_action.digits import counted
from kvv_action.github.commands import inert
from kvv_action.lean import left_out
from kvv_action.redact import Redactor
from kvv_action.report.advice import advice
from kvv_action.report.text import one_line, percent, seconds, visible
from kvv_action.schema import BenchmarkResult, Finding, RunCause, RunReport, SampleFailure, Severity, Verdict
from kvv_action.verdict.lead import arrival, first_cause, headline, page_of, seen_in, to_do

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from entrypoint.usecases.finish import FinishedRun


class Telling(StrEnum):
    """How much of a run's progress is told."""

    QUIET = "quiet"
    PROGRESS = "progress"
    EVERY_ANSWER = "every answer"


LOG_INTERVAL = 5.0
"""Seconds between two progress lines in a log."""

COUNTED = ("Scored", "Unparsed", "Failed", "Skipped")
WIDE = ("Benchmark", "Verdict", "Score", "95 % interval", *COUNTED)
NARROW = ("Benchmark", "Verdict", "Score", "Scored", "Failed", "Skipped")
WIDE_ENOUGH = 110
"""Columns of a terminal from which the whole table fits."""

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow", Verdict.SKIPPED: "dim"}

SEVERITIES = {Severity.FAILURE: "red", Severity.WARNING: "yellow", Severity.INFORMATION: "dim"}
MOST_FINDINGS = 10


class Progress:
    """Counts of one benchmark while it runs."""

    def __init__(self, planned: int, resumed: int, now: float) -> None:
        self.planned = planned
        self.resumed = resumed
        self.done = resumed
        self.failed = 0
        self._started = now

    def add(self, event: Finished) -> None:
        """Count one more."""
        self.done += 1
        self.failed += isinstance(event.result, SampleFailure)

    def rate(self, now: float) -> float:
        """Answers a second in this session."""
        return (self.done - self.resumed) / max(now - self._started, 1e-9)

    def left(self, now: float) -> float | None:
        """Seconds that the rest will take at this rate, None when nothing is known."""
        rate = self.rate(now)
        return (self.planned - self.done) / rate if rate > 0 else None


def harmless(text: str, limit: int) -> str:
    """Untrusted text on one line that holds no command for a terminal or a CI runner."""
    return inert(one_line(text, limit))


def logger(stream: TextIO | Leavable, redactor: Redactor) -> Any:
    """A structlog logger that writes one harmless, key-free line an event."""
    with left_out("rich"):  # tracebacks in colour, which are in no line of ours
        import structlog

    def clean(_: Any, __: str, event: Any) -> Any:
        return {
            name: redactor.text(harmless(value, 1000)) if isinstance(value, str) else value
            for name, value in event.items()
        }

    return structlog.wrap_logger(
        structlog.PrintLogger(cast("TextIO", stream)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            clean,
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
        ],
    )


class LogObserver:
    """An observer for logs: a line every few seconds and at each change of state."""

    def __init__(
        self,
        stream: TextIO | None = None,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        every_answer: bool = False,
    ) -> None:
        self._every_answer = every_answer
        self._log = logger(Leavable(stream or sys.stderr), redactor or Redactor())
        self._clock = clock
        self._last = clock()
        self._running: dict[str, Progress] = {}
        self._told: dict[str, int] = {}

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """Tell how much there is to do."""
        self._running[benchmark] = Progress(planned, resumed, self._clock())
        more = {"resumed": resumed} if resumed else {}
        self._log.info("started", benchmark=benchmark, planned=planned, **more)

    def finished(self, event: Finished) -> None:
        """Count one more; tell when the benchmark is done."""
        progress = self._running[event.benchmark]
        progress.add(event)
        if self._every_answer:
            self._log.info(_outcome(event), benchmark=event.benchmark, sample=event.sample, epoch=event.epoch)
        if progress.done == progress.planned:
            self._tell(event.benchmark, progress)

    def state(self, message: str) -> None:
        """Say it at once."""
        self._log.info(message)

    def tick(self) -> None:
        """Tell the progress, every few seconds."""
        if self._clock() - self._last < LOG_INTERVAL:
            return
        self._last = self._clock()
        for benchmark, progress in self._running.items():
            if progress.done < progress.planned:
                self._tell(benchmark, progress)

    def close(self) -> None:
        """Nothing is open."""

    def _tell(self, benchmark: str, progress: Progress) -> None:
        now = self._clock()
        ahead = progress.done < progress.planned
        left = {"left": seconds(progress.left(now))} if ahead else {}
        self._log.info(
            "progress" if ahead else "finished",
            benchmark=benchmark,
            done=f"{progress.done}/{progress.planned}",
            failed=progress.failed,
            rate=f"{progress.rate(now):.1f}/s",
            **left,
        )


def _outcome(event: Finished) -> str:
    """What came of one answer, in a line."""
    result = event.result
    if isinstance(result, SampleFailure):
        return f"failed: {result.kind}: {result.message}"
    named = "right" if result.value == 1 else "wrong" if result.value == 0 else f"score {result.value:.3f}"
    return f"{named}: {why}" if result.value < 1 and (why := result.cause or result.explanation) else named


class QuietObserver:
    """Says nothing."""

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """Nothing."""

    def finished(self, event: Finished) -> None:
        """Nothing."""

    def state(self, message: str) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is open."""


class BarObserver:
    """An observer for a terminal: a live bar per benchmark."""

    def __init__(self, console: Any, redactor: Redactor | None = None, clock: Callable[[], float] = time.monotonic):
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._redactor = redactor or Redactor()
        self._console = console
        self._clock = clock
        self._running: dict[str, Progress] = {}
        self._rows: dict[str, Any] = {}
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed  {task.fields[rate]}  {task.fields[left]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
        )

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """Add a bar."""
        self._bars.start()
        self._running[benchmark] = Progress(planned, resumed, self._clock())
        self._rows[benchmark] = self._bars.add_task(
            benchmark, total=planned, completed=resumed, failed=0, rate="", left=""
        )

    def finished(self, event: Finished) -> None:
        """Count one more; the bars are redrawn once a second and at the end."""
        progress = self._running[event.benchmark]
        progress.add(event)
        if progress.done == progress.planned:
            self._update(event.benchmark, progress)
            self._bars.refresh()

    def state(self, message: str) -> None:
        """Print above the bars."""
        from rich.text import Text

        self._console.print(Text(self._redactor.text(harmless(message, 1000)), style="yellow"))

    def tick(self) -> None:
        """Redraw; a finished bar keeps its last figures."""
        for benchmark, progress in self._running.items():
            if progress.done < progress.planned:
                self._update(benchmark, progress)
        self._bars.refresh()

    def _update(self, benchmark: str, progress: Progress) -> None:
        now = self._clock()
        left = progress.left(now)
        self._bars.update(
            self._rows[benchmark],
            completed=progress.done,
            failed=progress.failed,
            rate=f"{progress.rate(now):.1f}/s",
            left=f"{seconds(left)} left" if left else "",
        )

    def close(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()


RunObserver = LogObserver | QuietObserver | BarObserver


def observer_for(stream: TextIO, redactor: Redactor, telling: Telling = Telling.PROGRESS) -> RunObserver:
    """Bars on a terminal, lines in a log or where every answer is told."""
    if telling is Telling.QUIET:
        return QuietObserver()
    if telling is Telling.EVERY_ANSWER or not stream.isatty():
        return LogObserver(stream, redactor, every_answer=telling is Telling.EVERY_ANSWER)
    from rich.console import Console

    return BarObserver(Console(file=stream), redactor)


def print_finished(done: "FinishedRun", out: str, stream: TextIO | None = None) -> None:
    """A run's verdicts, and what came of its baseline."""
    print_report(done.report, out, stream, repeated=done.repeated)
    if done.baseline is not None:
        from entrypoint.baseline import print_against

        print_against(done.baseline, stream)


def print_report(report: RunReport, out: str, stream: TextIO | None = None, *, repeated: bool = False) -> None:
    """The table with verdicts, the reason, and where everything is; `repeated`: nothing was sent for it."""
    printed(stream, lambda console: _print_report(report, out, console, repeated=repeated))


def printed(stream: TextIO | None, show: "Callable[[Console], None]") -> None:
    """Show something on a terminal or in a log; a reader who left changes nothing: the result stands."""
    from rich.console import Console

    stream = stream or sys.stdout
    try:
        show(Console(file=stream, highlight=False, width=None if stream.isatty() else 140))
    except (SystemExit, OSError):  # rich leaves when nobody reads
        silence(stream)


def _print_report(report: RunReport, out: str, console: "Console", *, repeated: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    endpoint = report.endpoint
    table = Table(title=Text(harmless(f"{endpoint.model} at {endpoint.vendor}", 120)), title_justify="left")
    chosen = WIDE if console.width >= WIDE_ENOUGH else NARROW
    for name in chosen:
        table.add_column(name, justify="right" if name in COUNTED else "left")
    for result in report.benchmarks:
        cells = _cells(result)
        style = "dim" if result.orientation else STYLES[result.verdict]
        verdict = Text(cells["Verdict"], style=style)
        table.add_row(*(verdict if name == "Verdict" else Text(cells[name]) for name in chosen))
    for line in _opening(report):
        console.print(line, soft_wrap=True)
    console.print(table)
    for line in _lines(report, out, repeated=repeated):
        console.print(line, soft_wrap=True)


def _opening(report: RunReport) -> "Iterator[Text]":
    """What stands above the table of a run that judged delivery: verdict, cause, what to do, delivery."""
    from rich.text import Text

    if report.delivery is None:
        return
    told = headline(report) or _why(report) or f"{report.endpoint.model} at {report.endpoint.vendor}"
    yield Text(harmless(f"{report.verdict}: {told}", 500), style=f"bold {STYLES[report.verdict]}")
    if first := advice(report):
        yield Text(harmless(f"Do first: {first}", 800))
    if report.causes and (found := first_cause(report)):
        yield Text(harmless(f"About this cause: {page_of(report, found.cause_id)}", 400))
    yield Text(harmless(f"Delivery: {arrival(report.delivery)}", 600))


def _why(report: RunReport) -> str:
    """Why a run did not pass; empty for one that did."""
    return report.state_reason or report.reason if report.verdict is not Verdict.PASS else ""


def _findings(report: RunReport) -> "Iterator[Text]":
    """What else is wrong; how much of that is left out."""
    from rich.text import Text

    below = {one.cause_id for result in report.benchmarks for one in result.diagnosis}
    found: Sequence[RunCause | Finding] = [one for one in report.causes if one.cause_id not in below]
    others = [one for one in (found if report.causes else report.findings) if one is not first_cause(report)]
    told = [one for one in others if one.severity is not Severity.INFORMATION]
    for one in told[:MOST_FINDINGS]:
        line = f"{one.severity}: {one.cause} ({seen_in(one)}; {', '.join(one.benchmarks)}): {to_do(one)}"
        yield Text(harmless(line, 1000), style=SEVERITIES[one.severity])
    left = len(others) - len(told[:MOST_FINDINGS])
    if left:
        more = counted(left, "more cause" if report.causes else "more finding")
        yield Text(f"{more} in summary.md")


def _cells(result: BenchmarkResult) -> dict[str, str]:
    counts = result.counts
    return {
        "Benchmark": result.title,
        "Verdict": "not judged" if result.orientation else result.verdict,
        "Score": percent(result.score),
        "95 % interval": " to ".join(percent(bound) for bound in result.interval) if result.interval else "–",
        "Scored": f"{counts.scored}/{counts.planned}",
        "Unparsed": str(counts.unparsed),
        "Failed": str(counts.failed),
        "Skipped": str(counts.skipped),
    }


def _speed(report: RunReport) -> "Iterator[Text]":
    from rich.text import Text

    from kvv_action.report.wording import cost_of, speed_rows

    if report.speed is not None:
        yield Text("Speed: " + "; ".join(f"{name}: {value}" for name, value in speed_rows(report.speed)))
    if cost := cost_of(report):
        yield Text(f"Cost: {cost}")


def _unseen(report: RunReport) -> str:
    """That nothing shows the faults of a demonstration, and where it might; empty where the run does not pass."""
    if report.verdict is not Verdict.PASS:
        return ""
    more = "" if report.plan.tier == "full" else "--tier full asks more, and "
    return f"; nothing here fails by them. `kvv faults NAME` says what should: {more}some need another --profile"


def _under_load(report: RunReport) -> "Iterator[Text]":
    """A line for each concurrency at which the same requests were asked."""
    from rich.text import Text

    from kvv_action.report.load_groups import HEADS, load_rows

    for result in report.benchmarks:
        for row in load_rows(result.breakdowns):
            told = "; ".join(f"{head.lower()} {cell}" for head, cell in zip(HEADS[1:], row[1:], strict=True))
            yield Text(f"{result.title}, {row[0]} at a time: {told}")


def _lines(report: RunReport, out: str, *, repeated: bool) -> "Iterator[Text]":
    """What stands below the table."""
    from rich.text import Text

    from kvv_action.report.wording import unanswered, unasked

    yield from _findings(report)
    symptoms = {name for cause in report.causes for name in cause.symptoms}
    for result in report.benchmarks:
        if result.verdict is not Verdict.SKIPPED and result.reason != report.state_reason:  # told once, below
            yield Text(harmless(f"{result.title}: {result.reason}", 500))
        for found in result.diagnosis:
            if found.cause_id in symptoms:
                continue
            yield Text(harmless(f"  • {found.cause} ({found.count} ×): {found.remedy}", 1000))
    yield from _under_load(report)
    for reason, ids in unanswered(report).items():
        yield Text(harmless(f"Probes without an answer: {reason}: {', '.join(ids)}", 1000))
    for reason, titles in unasked(report).items():
        if reason != report.state_reason:
            yield Text(harmless(f"Not asked: {', '.join(titles)}: {reason}", 500))
    yield from _speed(report)
    label = " (demonstration)" if report.demonstration else ""
    again = " (already complete, nothing was sent; --fresh asks again)" if repeated else ""
    yield Text(f"Verdict{label}: {report.verdict}{again}", style=f"bold {STYLES[report.verdict]}")
    if told := report.reason if report.plan.shard is not None else report.state_reason:
        yield Text(harmless(told, 500))
    if faults := report.plan.faults:
        yield Text(harmless(f"Faults of the embedded vendor: {', '.join(faults)}{_unseen(report)}", 500))
    folder = visible(out).rstrip("/")
    names = "report.html, summary.md, report.json, junit.xml, journal.jsonl, manifest.json"
    yield Text(f"Reports and evidence: {folder}/ ({names})")
