"""Annotations for a run and for wrong inputs: the worst first, within the limits of the runner."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from kvv_action.errors import Problem
from kvv_action.github.commands import command, inert
from kvv_action.schema import (
    BenchmarkKind,
    BenchmarkResult,
    Finding,
    Outcome,
    RunCause,
    RunReport,
    RunState,
    Severity,
    Verdict,
)
from kvv_action.verdict.lead import (
    arrival,
    first_cause,
    headline,
    page_of,
    rest_of,
    seen_in,
    share_of,
    symptoms_of,
    to_do,
)

PER_LEVEL = 10
"""Annotations of one level that GitHub shows for a step."""
LONGEST = 4096
"""Bytes of a message that GitHub shows."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


class AnnotationLevel(StrEnum):
    """The level of an annotation, the worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A message beside the run; `title` and `message` may contain untrusted text."""

    level: AnnotationLevel
    title: str
    message: str

    def edited(self, edit: Callable[[str], str]) -> "Annotation":
        """A copy with `edit` applied to both texts, before they are escaped or cut."""
        return Annotation(level=self.level, title=edit(self.title), message=edit(self.message))

    def __str__(self) -> str:
        """The workflow command."""
        return command(self.level, cut(_harmless(self.message)), title=cut(_harmless(self.title), 200))


_LEVELS = {
    Verdict.FAIL: AnnotationLevel.ERROR,
    Verdict.INCONCLUSIVE: AnnotationLevel.WARNING,
    Verdict.SKIPPED: AnnotationLevel.WARNING,
    Verdict.PASS: AnnotationLevel.NOTICE,
}
_TOLD = {Severity.FAILURE: AnnotationLevel.ERROR, Severity.WARNING: AnnotationLevel.WARNING}
"""Information has no annotation."""


def cut(text: str, limit: int = LONGEST) -> str:
    """At most `limit` bytes of UTF-8, whole characters."""
    data = text.encode(errors="replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - len("…".encode())].decode(errors="ignore") + "…"


def _harmless(text: str) -> str:
    """Text without workflow commands, control characters and invisible characters."""
    return inert(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).strip())


def of_report(report: RunReport) -> list[Annotation]:
    """The verdict, findings over all answers, every benchmark that did not pass, every probe that failed."""
    verdict = of_verdict(report.verdict, _headline(report))
    left_out = {planned.id for planned in report.plan.benchmarks if planned.skip}
    notable = [result for result in report.benchmarks if result.verdict is not Verdict.PASS]
    told = [_of_cause(report, one) for one in report.causes if one.severity in _TOLD]
    told += [_of_finding(one) for one in report.findings if one.severity in _TOLD and not report.causes]
    found = [verdict, *told, *(_of_benchmarks(report, same, left_out) for same in _alike(notable))]
    for result in report.benchmarks:
        if result.kind is BenchmarkKind.CONTRACT:
            found.extend(_failed_probes(result, named=report.plan.plain_reports))
        elif result.verdict is Verdict.PASS and result.failures:
            found.append(_infrastructure(result))
    return limited(found)


def of_verdict(verdict: Verdict, message: str) -> Annotation:
    """The verdict of a run, or of several."""
    return Annotation(level=_LEVELS[verdict], title=f"kvv: {verdict}", message=message)


def of_problems(problems: Sequence[Problem]) -> list[Annotation]:
    """One error for each wrong input."""
    return limited(
        Annotation(level=AnnotationLevel.ERROR, title=f"kvv: input {problem.name}", message=str(problem))
        for problem in problems
    )


def limited(annotations: Iterable[Annotation]) -> list[Annotation]:
    """At most ten errors, ten warnings and ten notices; where there are more, the tenth says how many are left out."""
    found = list(annotations)
    return [kept for level in AnnotationLevel for kept in _first([one for one in found if one.level is level])]


def _first(annotations: list[Annotation]) -> list[Annotation]:
    if len(annotations) <= PER_LEVEL:
        return annotations
    more = len(annotations) - PER_LEVEL + 1
    level = annotations[0].level
    rest = Annotation(level=level, title=f"kvv: {more} more", message=f"{more} more; the step summary has them.")
    return [*annotations[: PER_LEVEL - 1], rest]


def _headline(report: RunReport) -> str:
    text = f"{report.endpoint.model} at {report.endpoint.vendor}: {_lead(report)}"
    if report.state is not RunState.COMPLETE and report.state_reason not in report.reason:
        text += f"\n{report.state.capitalize()}: {report.state_reason}"
    if report.demonstration:
        text += "\nA demonstration against the embedded vendor; it says nothing about a real endpoint."
    return text


def _lead(report: RunReport) -> str:
    """The cause with what to do where there is one, how answers arrived, and the reason."""
    found, first = headline(report), first_cause(report)
    lines = [found or report.reason, *([f"Do first: {to_do(first)}"] if first else [])]
    lines += [f"About this cause: {page_of(report, first.cause_id)}"] if first and report.causes else []
    lines += [f"Delivery: {arrival(report.delivery)}"] if report.delivery else []
    return "\n".join([*lines, *([rest] if found and (rest := rest_of(report)) else [])])


def _of_cause(report: RunReport, found: RunCause) -> Annotation:
    where = "; ".join(filter(None, (seen_in(found), share_of(found), ", ".join(found.benchmarks))))
    lines = [f"{found.cause} ({where})", to_do(found), f"About this cause: {page_of(report, found.cause_id)}"]
    lines += [f"It explains: {'; '.join(symptoms)}"] if (symptoms := [*symptoms_of(report, found)]) else []
    return Annotation(level=_TOLD[found.severity], title=f"kvv: {found.cause_id}", message="\n".join(lines))


def _of_finding(found: Finding) -> Annotation:
    examples = [f"{one.benchmark} {one.sample}: {one.shown}" for one in found.evidence[:1]]
    lines = [f"{found.cause} ({seen_in(found)}; {', '.join(found.benchmarks)})", to_do(found), *examples]
    return Annotation(level=_TOLD[found.severity], title=f"kvv: {found.cause_id}", message="\n".join(lines))


def _alike(results: Iterable[BenchmarkResult]) -> Iterator[tuple[BenchmarkResult, ...]]:
    """The benchmarks in their order; those that were skipped one after another for one reason are together."""
    for _, same in groupby(results, key=lambda one: one.reason if one.verdict is Verdict.SKIPPED else id(one)):
        yield tuple(same)


def _of_benchmarks(report: RunReport, same: Sequence[BenchmarkResult], left_out: Collection[str]) -> Annotation:
    """Benchmarks that did not pass, for one reason; a planned skip is only a notice.

    Ordered causes have annotations of their own.
    """
    result, planned_skip = same[0], all(one.id in left_out for one in same)
    told = () if report.causes else result.diagnosis[:5]
    lines = [result.reason, *(f"{found.count} × {found.cause}: {found.remedy}" for found in told)]
    lines += [f"{failure.count} × {failure.kind}: {failure.example}" for failure in result.failures[:5]]
    titles = ", ".join(one.title for one in same)
    title = f"{titles}: {'not judged' if result.orientation else result.verdict}"
    harmless = result.orientation or (planned_skip and result.verdict is Verdict.SKIPPED)
    level = AnnotationLevel.NOTICE if harmless else _LEVELS[result.verdict]
    return Annotation(level=level, title=title, message="\n".join(lines))


def _failed_probes(result: BenchmarkResult, *, named: bool) -> Iterator[Annotation]:
    """Each probe that does not hold; `named`: with its cause and what to do."""
    remedies = {found.cause: found.remedy for found in result.diagnosis} if named else {}
    level = AnnotationLevel.ERROR if result.verdict is Verdict.FAIL else AnnotationLevel.WARNING
    for case in result.cases:
        if case.outcome in (Outcome.WRONG, Outcome.PARTIAL, Outcome.UNPARSED):
            seen = case.explanation or case.answer
            lines = [
                case.cause,
                f"What to do: {remedy}" if (remedy := remedies.get(case.cause)) else "",
                f"Seen: {seen}",
            ]
            message = "\n".join(filter(None, lines)) if named and case.cause else seen
            yield Annotation(level=level, title=f"{result.title}: {case.id}", message=message)


def _infrastructure(result: BenchmarkResult) -> Annotation:
    """Failed requests of a benchmark that passed."""
    lines = [f"{failure.count} × {failure.kind}: {failure.example}" for failure in result.failures[:5]]
    return Annotation(level=AnnotationLevel.WARNING, title=f"{result.title}: failed requests", message="\n".join(lines))
