"""Wordings that the summary, the page and the terminal share."""

from collections.abc import Callable, Iterator

from kvv_action.digits import figure
from kvv_action.report.text import number, percent, points, seconds
from kvv_action.schema import BenchmarkKind, Comparison, DatasetInfo, Gap, Outcome, RunReport, Speed, Verdict
from kvv_action.verdict.rules import BIAS

GAP_NOTE = (
    "The same tasks in other words or another order. A gap is behaviour that was observed, not why: recognised items, "
    "memorised answers and wordings that happen to be harder look alike."
)


def compared_with(found: Comparison) -> str:
    """What the difference is taken from."""
    if found.strata:
        return "the pack, weighted by what the items stand for"
    return "the reference on the same samples" if found.paired else "the reference"


def beside_comparison(found: Comparison) -> Iterator[str]:
    """What a reader of a comparison must know: which items were asked, and what is assumed."""
    for one in found.strata:
        told = (
            f"{one.asked} {one.name} items, {percent(one.share)} of all: {percent(one.expected)} right expected by the"
        )
        yield f"{told} pack, {percent(one.seen)} seen{', which is worse' if one.worse else ''}"
    if found.passes_if_lower is not None:
        yield (
            f"assumed: our way of asking scores like the published one; if it reads {points(BIAS)} points lower, "
            f"{percent(found.passes_if_lower, 0)} of equal vendors pass; a reference pack needs no such assumption"
        )


def gap_words(gap: Gap) -> str:
    """The conclusion from a gap."""
    return "published items are answered better" if gap.clear else "no clear difference"


def changed(report: RunReport) -> str:
    """How samples were varied, with their numbers, per benchmark; empty when none was."""
    varied = [planned for planned in report.plan.benchmarks if planned.is_variant]
    ways = [", ".join(f"{way} {count}" for way, count in planned.variations.items()) for planned in varied]
    return "; ".join(f"{planned.title}: {listed}" for planned, listed in zip(varied, ways, strict=True))


def speed_rows(found: Speed) -> list[tuple[str, str]]:
    """What was measured of speed, as name and value."""
    per_answer, slow = tokens_a_second(found.per_answer), tokens_a_second(found.slow_answer)
    each = per_answer if found.per_answer is None else f"{per_answer} (median); 95 % reach {slow}"
    return [
        ("Answers under way at a time, on average", f"{found.in_flight:.1f}"),
        ("First token", f"{seconds(found.first_token.p50)} (median), {seconds(found.first_token.p95)} (95 %)"),
        ("Tokens a second, per answer", each),
        ("Tokens a second, in all", tokens_a_second(found.in_all)),
    ]


def tokens_a_second(value: float | None) -> str:
    """A speed: `42.5`, and from a hundred whole, as in `78 000` (thin spaces)."""
    if value is None:
        return "–"
    return number(round(value)) if value >= 100 else f"{value:.1f}"


def cost_of(report: RunReport) -> str:
    """What the answers cost, and at which prices; empty where the run was given none."""
    if report.cost is None:
        return ""
    least = "at least " if report.usage.answers_without_usage else ""
    prices = f"{figure(report.cost.prices.input)} and {figure(report.cost.prices.output)} a million tokens in and out"
    amount = report.cost.amount
    told = number(round(amount)) if amount >= 1000 else figure(amount, 4)
    return f"{least}{told} (at {prices})"


def unasked(report: RunReport) -> dict[str, list[str]]:
    """Titles of the benchmarks that were not asked, by reason."""
    found: dict[str, list[str]] = {}
    for result in report.benchmarks:
        if result.verdict is Verdict.SKIPPED:
            found.setdefault(_why_unasked(report, result.reason), []).append(result.title)
    return found


def _why_unasked(report: RunReport, reason: str) -> str:
    """Why a benchmark was not asked; where a failed gate is the reason, how to ask it nevertheless.

    Its probes are named above already; only reports of older runs name them again.
    """
    if report.plan.plain_reports and report.plan.precheck == "gate":
        for planned in report.plan.benchmarks:
            if planned.gates and reason.startswith(f"{planned.title} failed: "):
                return f"{planned.title} failed; `precheck: warn` asks them nevertheless"
    return reason


def unanswered(report: RunReport) -> dict[str, list[str]]:
    """Probes that got no answer, by the reason; none for reports of older runs."""
    found: dict[str, list[str]] = {}
    for result in report.benchmarks if report.plan.plain_reports else ():
        for case in result.cases if result.kind is BenchmarkKind.CONTRACT else ():
            if case.outcome is Outcome.FAILED:
                found.setdefault(case.cause or case.explanation, []).append(case.id)
    return found


def metric_of(name: str) -> str:
    """The metric that `name` belongs to: `f1` for `f1`, `f1_low` and `f1_high`."""
    return name.removesuffix("_low").removesuffix("_high")


def pinned(data: DatasetInfo, *, bold: str = "", escape: Callable[[str], str] = str) -> str:
    """How far the content is known to be the published one.

    Args:
        data: the dataset.
        bold: what stands before and after a word that warns.
        escape: makes the dataset's own text safe in the output.
    """
    if data.source == "bundled":
        return "our own samples"
    if data.pinned_by == "count":
        known = "no digest is published" if data.source == "archive" else "neither a commit nor a digest is known"
        return f"{bold}not pinned{bold}: {known}; only the number of rows was compared"
    if not data.pinned and data.pinned_by:
        return f"a local copy, {bold}not compared{bold}: no digest of the published content is known"
    if not data.pinned:
        return f"{bold}not the pinned content{bold}"
    if data.pinned_by in ("", "digest"):
        return "the pinned content"
    return f"pinned by {escape(data.pinned_by)}, {bold}not by a digest of the content{bold}"
