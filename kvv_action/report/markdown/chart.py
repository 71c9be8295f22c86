"""A line per benchmark: its score with interval against reference and margin, or how many of its answers are right."""

from kvv_action.report.bars import WIDTH, Interval, axis_for, block, interval_bar, name, share_bar
from kvv_action.report.text import percent
from kvv_action.schema import BenchmarkResult, RunReport

REFERENCE, FLOOR = "┃", "┊"
LEGEND = f"├──●──┤ score and its limits   {REFERENCE} reference   {FLOOR} reference − margin"


def chart(report: RunReport) -> str:
    """All benchmarks that have a score, as a block of code; each axis has its own ends, which stand beside it."""
    lines = [line for result in report.benchmarks if (line := _line(result, exact=report.must_be_right(result)))]
    if not lines:
        return ""
    legend = ["", LEGEND] if any("●" in line for line in lines) else []
    return block([*lines, *legend])


def _line(result: BenchmarkResult, *, exact: bool) -> str:
    if result.score is None:
        return ""
    if exact and result.aggregate == "mean":
        right = round(result.score * result.counts.scored)
        return f"{name(result.title)}      {share_bar(result.score)} {right} of {result.counts.planned}"
    if result.interval is None:
        return f"{name(result.title)}      {share_bar(result.score)} {percent(result.score)}"
    return _against(result, result.score, result.interval)


def _decisive(result: BenchmarkResult, score: float, interval: tuple[float, float]) -> tuple[float, float, float]:
    """What the verdict looked at: the difference with its limits, put on the scale of scores, or else the interval."""
    found = result.comparison
    if found is not None and result.reference is not None:
        at = [result.reference + difference for difference in (found.difference, found.low, found.high)]
        score, interval = _share(at[0]), (_share(at[1]), _share(at[2]))
    return score, min(interval[0], score), max(interval[1], score)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _against(result: BenchmarkResult, score: float, interval: tuple[float, float]) -> str:
    marks = {}
    if result.reference is not None:
        if result.margin is not None:
            marks[FLOOR] = max(0.0, result.reference - result.margin)
        marks[REFERENCE] = result.reference
    score, low, high = _decisive(result, score, interval)
    axis = axis_for([low, high, *marks.values()])
    bar = interval_bar(Interval(value=score, low=low, high=high, marks=marks), axis)
    assert len(bar) == WIDTH
    return f"{name(result.title)} {percent(axis.low, 0):>5}│{bar}│{percent(axis.high, 0)}"
