"""The content of one benchmark's section on the page: its answers, charts and samples."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kvv_action.report.pages import charts, intervals
from kvv_action.report.pages.canvas import Names
from kvv_action.report.pages.strip import strip
from kvv_action.schema import BenchmarkResult, Case, Outcome

DISTRIBUTIONS = (
    ("first_token", "Time to the first token", "seconds"),
    ("answer", "Time of a whole answer", "seconds"),
    ("prompt_tokens", "Prompt tokens", "tokens"),
    ("completion_tokens", "Completion tokens", "tokens"),
)
"""Name in the report, title, and unit."""
CATEGORIES = 120
"""Most categories on the page; report.json has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A chart with its title."""

    title: str
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Rendered samples, and the numbers of wrong (`bad`) and `failed` ones; `at_least` when there may be more."""

    shown: Sequence[Markup]
    bad: int
    failed: int
    at_least: bool

    @property
    def total(self) -> int:
        """Wrong and failed samples together."""
        return self.bad + self.failed

    @property
    def more(self) -> int:
        """Samples that are not shown."""
        return self.total - len(self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One benchmark on the page; `exact` when every answer must be right."""

    result: BenchmarkResult
    exact: bool
    anchor: str
    measured: intervals.Measured
    score: Markup
    parts: Sequence[charts.Segment]
    answers: Markup
    categories: Sequence[tuple[str, float, int, Markup]]
    distributions: Sequence[Drawn]
    samples: Samples
    strip: Markup


def section(
    result: BenchmarkResult, names: Names, samples: Samples, number: int, *, exact: bool, plain: bool
) -> Section:
    """Compute the section of a benchmark; `exact`: every answer must be right; `plain`: as `RunPlan.plain_reports`."""
    found, parts = measured(result), pieces(result)
    title = f"{result.title}: score"
    return Section(
        result=result,
        exact=exact,
        anchor=f"b{number}",
        measured=found,
        score=intervals.interval(names(), title, found) if found.interval or found.line is not None else Markup(""),
        parts=parts,
        answers=charts.stack(names(), f"{result.title}: answers", parts),
        categories=[
            (entry.name, entry.score, entry.scored, charts.bar(names(), entry.name, entry.score))
            for entry in result.categories[:CATEGORIES]
            if result.measurement is None
        ],
        distributions=drawn([result], names, plain=plain),
        samples=samples,
        strip=_strip(result, names),
    )


def _strip(result: BenchmarkResult, names: Names) -> Markup:
    """The picture of what a benchmark measured that judges all of its answers together."""
    found = result.measurement
    if found is None:
        return Markup("")
    return strip(names(), f"{result.title}: {found.quantity}", found, result.verdict)


def measured(result: BenchmarkResult) -> intervals.Measured:
    """The numbers behind the verdict: the difference from the reference with its limits, else the score."""
    found = result.comparison
    if found is not None:
        return intervals.Measured(
            verdict=result.verdict, score=found.difference, interval=(found.low, found.high), reference=0.0,
            margin=result.margin, relative=True,
        )  # fmt: skip
    return intervals.Measured(
        verdict=result.verdict, score=result.score, interval=result.interval, bounds=result.bounds,
        reference=result.reference, margin=result.margin,
    )  # fmt: skip


def drawn(results: Iterable[BenchmarkResult], names: Names, *, plain: bool) -> list[Drawn]:
    """Charts of the distributions, summed over these benchmarks."""
    pictures = []
    for name, title, unit in DISTRIBUTIONS:
        histograms = [result.distributions[name] for result in results if name in result.distributions]
        if histograms:
            whole = charts.added(histograms)
            picture = charts.histogram(names(), title, whole, unit, plain=plain)
            pictures.append(Drawn(title=title, picture=picture))
    return pictures


def pieces(result: BenchmarkResult) -> list[charts.Segment]:
    """All planned answers by outcome; only `scored` when left-out cases hide the outcomes."""
    counts, seen = result.counts, Counter(case.outcome for case in result.cases)
    if result.cases_omitted and not seen[Outcome.RIGHT]:
        judged = [charts.Segment(name="scored", size=counts.scored, style="o-partial")]
    else:
        partial, wrong = seen[Outcome.PARTIAL], seen[Outcome.WRONG]
        right = counts.scored - counts.unparsed - partial - wrong
        judged = [
            charts.Segment(name="measured" if result.measurement else "right", size=right, style="o-right"),
            charts.Segment(name="partly right", size=partial, style="o-partial"),
            charts.Segment(name="wrong", size=wrong, style="o-wrong"),
            charts.Segment(name="no answer found", size=counts.unparsed, style="o-unparsed"),
        ]
    missing = [
        charts.Segment(name="failed", size=counts.failed, style="o-failed"),
        charts.Segment(name="not sent", size=counts.skipped, style="o-skipped"),
    ]
    return [part for part in (*judged, *missing) if part.size]


def samples(result: BenchmarkResult, draw: Callable[[Case], Markup], *, budget: int, most: int) -> Samples:
    """The worst samples first and failed ones last, as many as fit into `budget` bytes."""
    bad = sorted((case for case in result.cases if case.outcome is not Outcome.RIGHT), key=_badness)
    shown: list[Markup] = []
    for case in bad[:most]:
        text = draw(case)
        budget -= len(text.encode())
        if budget < 0:
            break
        shown.append(text)
    at_least = bool(result.cases_omitted) and len(bad) == len(result.cases)
    failed = sum(case.outcome is Outcome.FAILED for case in bad)
    return Samples(shown=shown, bad=len(bad) - failed, failed=failed, at_least=at_least)


def _badness(case: Case) -> tuple[bool, bool, float]:
    return case.outcome is Outcome.FAILED, not case.evidence, case.value or 0.0
