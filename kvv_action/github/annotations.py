"""Annotations of a run, of wrong inputs and of breakdowns: the worst first, within the runner's limits."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kvv_action.errors import Problem
from kvv_action.github.commands import command, inert
from kvv_action.schema import BenchmarkKind, BenchmarkResult, Outcome, RunReport, RunState, Verdict

PER_LEVEL = 10
"""Annotations of one level that GitHub shows for a step."""
LONGEST = 4096
"""Bytes of a message that GitHub shows."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


class Level(StrEnum):
    """How an annotation is shown; the worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message beside the run; `title` and `message` may hold untrusted text."""

    level: Level
    title: str
    message: str

    def edited(self, edit: Callable[[str], str]) -> "Annotation":
        """With `edit` done to both texts, before anything is escaped or cut."""
        return Annotation(level=self.level, title=edit(self.title), message=edit(self.message))

    def __str__(self) -> str:
        """The workflow command."""
        return command(self.level, cut(_harmless(self.message)), title=cut(_harmless(self.title), 200))


_LEVELS = {
    Verdict.FAIL: Level.ERROR,
    Verdict.INCONCLUSIVE: Level.WARNING,
    Verdict.SKIPPED: Level.WARNING,
    Verdict.PASS: Level.NOTICE,
}


def cut(text: str, limit: int = LONGEST) -> str:
    """At most `limit` bytes of UTF-8, whole characters."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - len("…".encode())].decode(errors="ignore") + "…"


def _harmless(text: str) -> str:
    """No command, no control character, no invisible one."""
    return inert(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).strip())


def of_report(report: RunReport) -> list[Annotation]:
    """The verdict, then every benchmark that did not pass, then every probe that failed."""
    title = f"kvv: {report.verdict}"
    verdict = Annotation(level=_LEVELS[report.verdict], title=title, message=_headline(report))
    meant = {planned.id for planned in report.plan.benchmarks if planned.skip}
    notable = [result for result in report.benchmarks if result.verdict is not Verdict.PASS]
    found = [verdict, *(_of_benchmark(result, meant=result.id in meant) for result in notable)]
    for result in report.benchmarks:
        if result.kind is BenchmarkKind.CONTRACT:
            found.extend(_failed_probes(result))
        elif result.verdict is Verdict.PASS and result.failures:
            found.append(_infrastructure(result))
    return limited(found)


def of_problems(problems: Sequence[Problem]) -> list[Annotation]:
    """One error for each wrong input."""
    return limited(
        Annotation(level=Level.ERROR, title=f"kvv: input {problem.name}", message=str(problem)) for problem in problems
    )


def limited(annotations: Iterable[Annotation]) -> list[Annotation]:
    """Errors, warnings, notices, at most ten of each; the tenth tells how many more there would have been."""
    found = list(annotations)
    return [kept for level in Level for kept in _first([one for one in found if one.level is level])]


def _first(annotations: list[Annotation]) -> list[Annotation]:
    if len(annotations) <= PER_LEVEL:
        return annotations
    more = len(annotations) - PER_LEVEL + 1
    level = annotations[0].level
    rest = Annotation(level=level, title=f"kvv: {more} more", message=f"{more} more; the step summary has them.")
    return [*annotations[: PER_LEVEL - 1], rest]


def _headline(report: RunReport) -> str:
    text = f"{report.endpoint.model} at {report.endpoint.vendor}: {report.reason}"
    if report.state is not RunState.COMPLETE and report.state_reason not in report.reason:
        text += f"\n{report.state.capitalize()}: {report.state_reason}"
    if report.demonstration:
        text += "\nA demonstration against the embedded vendor; it says nothing about a real endpoint."
    return text


def _of_benchmark(result: BenchmarkResult, *, meant: bool) -> Annotation:
    """What came of a benchmark; that one was not to be asked, as planned, is no warning."""
    lines = [result.reason, *(f"{found.count} × {found.cause}: {found.remedy}" for found in result.diagnosis[:5])]
    lines += [f"{failure.count} × {failure.kind}: {failure.example}" for failure in result.failures[:5]]
    title = f"{result.title}: {'not judged' if result.orientation else result.verdict}"
    harmless = result.orientation or (meant and result.verdict is Verdict.SKIPPED)
    level = Level.NOTICE if harmless else _LEVELS[result.verdict]
    return Annotation(level=level, title=title, message="\n".join(lines))


def _failed_probes(result: BenchmarkResult) -> Iterator[Annotation]:
    level = Level.ERROR if result.verdict is Verdict.FAIL else Level.WARNING
    for case in result.cases:
        if case.outcome in (Outcome.WRONG, Outcome.PARTIAL, Outcome.UNPARSED):
            yield Annotation(level=level, title=f"{result.title}: {case.id}", message=case.explanation or case.answer)


def _infrastructure(result: BenchmarkResult) -> Annotation:
    """Failed requests beside a pass: worth a look, no reason to fail."""
    lines = [f"{failure.count} × {failure.kind}: {failure.example}" for failure in result.failures[:5]]
    return Annotation(level=Level.WARNING, title=f"{result.title}: failed requests", message="\n".join(lines))
