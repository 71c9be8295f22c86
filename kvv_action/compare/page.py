"""What report.html says of a run's baseline: the answer first, then what changed, with its evidence."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from kvv_action.compare.markdown import EFFECTS, MEASURES, MODEL, QUESTION, effect_of, ratio
from kvv_action.compare.parts import brief
from kvv_action.compare.records import BenchmarkChange, Effect, Regression, RunComparison
from kvv_action.compare.review import columns, flip_columns, seen_once
from kvv_action.digits import figure
from kvv_action.report.html import PageInsert
from kvv_action.report.pages.canvas import Canvas, Names, Scale
from kvv_action.report.pages.environment import environment, line
from kvv_action.report.text import points
from kvv_action.schema import Verdict

_COLOURS = {
    Regression.NONE: Verdict.PASS,
    Regression.REGRESSION: Verdict.FAIL,
    Regression.UNKNOWN: Verdict.INCONCLUSIVE,
}
_STYLES = {
    Effect.WORSE: Verdict.FAIL, Effect.BETTER: Verdict.PASS, Effect.SAME: Verdict.PASS,
    Effect.UNCLEAR: Verdict.INCONCLUSIVE, Effect.LEFT_OUT: Verdict.SKIPPED,
}  # fmt: skip
FLIPS = 20
"""Samples of a benchmark that are shown; compare.json has up to 50 of each kind."""


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "templates", Path(__file__).parents[1] / "report" / "templates")
    made.filters.update(points=lambda value: points(value, sign=True), ratio=ratio, figure=figure, brief=brief)
    made.globals.update(
        question=QUESTION, model=MODEL, measures=MEASURES, Effect=Effect, flips=FLIPS, effect_of=effect_of
    )
    return made


def page_part(comparison: RunComparison) -> PageInsert:
    """Head and section for the page of the newer run."""
    module: Any = _environment().get_template("compare.html").module
    names, reach = Names(), _reach(comparison)
    drawn = [(part, _STYLES[part.finding], _drawn(f"n{names()}", part, reach)) for part in comparison.parts]
    words = {finding: words.partition(" ")[2] for finding, words in EFFECTS.items()}
    return PageInsert(
        head=module.head(comparison, _COLOURS[comparison.regression], _words(comparison)),
        section=module.section(comparison, drawn, words, _STYLES, _words(comparison)),
    )


def _words(comparison: RunComparison) -> dict[str, str | Markup]:
    """What the page calls the two runs and what became of a sample."""
    named, flips = columns(comparison), flip_columns(comparison)
    gone_cause, new_cause = seen_once(comparison)
    title, base = ("Two vendors", "the run") if comparison.vendors else ("Before and now", "the baseline")
    heads = zip(("head_before", "head_now", "head_fell", "head_rose"), (*named, *flips), strict=True)
    return {
        "title": title, "base": base, "before": named[0], "now": named[1],
        "gone_cause": gone_cause, "new_cause": new_cause,
        "fell": flips[0][0].lower() + flips[0][1:], "rose": flips[1][0].lower() + flips[1][1:],
        **{name: line(head) if comparison.vendors else head for name, head in heads},
    }  # fmt: skip


def _reach(comparison: RunComparison) -> float:
    ends: list[float] = [
        abs(end) for part in comparison.parts for end in (*(part.interval or ()), part.difference or 0.0)
    ]
    return max(0.02, *ends, 0.0) * 1.1


def _drawn(ident: str, part: BenchmarkChange, reach: float) -> Markup:
    """The difference with its interval around no change, on one scale for all benchmarks."""
    if part.difference is None or part.interval is None:
        return Markup("")
    low, high = part.interval
    shown = [points(value, sign=True) for value in (part.difference, low, high)]
    words = f"difference {shown[0]} points, {shown[1]} to {shown[2]}"
    canvas, scale, style = (
        Canvas(30, part.title, words, ident),
        Scale(low=-reach, high=reach),
        f"v-{_STYLES[part.finding]}",
    )
    canvas.rect(0, 50, 3, 24, "side-fail")
    canvas.rect(50, 50, 3, 24, "side-pass")
    canvas.stroke((50, 0), (50, 30), "line")
    canvas.stroke((scale.at(low), 15), (scale.at(high), 15), f"thick {style}")
    canvas.add('<circle cx="{:g}%" cy="15" r="4.5" class="dot {}"/>', scale.at(part.difference), style)
    return canvas.svg()
