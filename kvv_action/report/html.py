"""`report.html`: the run for a browser, in one file without scripts and external resources.

The templates are in `templates/`; `pages/` has what other pages share.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from kvv_action.digits import figure, noun, small
from kvv_action.report.advice import advice
from kvv_action.report.command import command
from kvv_action.report.load_groups import HEADS, load_rows
from kvv_action.report.pages.canvas import Names
from kvv_action.report.pages.environment import environment, policy, source_of, stylesheet
from kvv_action.report.pages.intervals import gap_reach, gap_row, reach, row
from kvv_action.report.pages.strip import style_of
from kvv_action.report.sections import Samples, Section, drawn, measured, samples, section
from kvv_action.report.text import one_line, points
from kvv_action.report.wording import (
    GAP_NOTE,
    beside_comparison,
    changed,
    compared_with,
    cost_of,
    gap_words,
    metric_of,
    pinned,
    tokens_a_second,
    unanswered,
)
from kvv_action.schema import BenchmarkResult, Gap, RunReport, Severity, Verdict
from kvv_action.verdict.lead import (
    arrival,
    example_of,
    first_cause,
    headline,
    page_of,
    rest_of,
    seen_in,
    share_of,
    symptoms_of,
    to_do,
)

BUDGET = 1400 * 1024
"""Bytes for the samples of all benchmarks; the rest of the page is small."""
SEVERITIES = {
    Severity.FAILURE: Verdict.FAIL,
    Severity.WARNING: Verdict.INCONCLUSIVE,
    Severity.INFORMATION: Verdict.SKIPPED,
}
"""The colours of severities are those of verdicts."""
MOST = 200
"""Most samples of one benchmark on the page; report.json has more."""


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "templates")
    made.filters.update(
        compared_with=compared_with,
        noun=noun,
        beside_comparison=beside_comparison,
        pinned=pinned,
        points=partial(points, sign=True),
        seen_in=seen_in,
        share_of=share_of,
        small=small,
        speed=tokens_a_second,
        to_do=to_do,
    )
    made.globals.update(page_of=page_of, example_of=example_of, symptoms_of=symptoms_of, style_of=style_of)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInsert:
    """Markup of another part of the product: `head` comes first, `section` before the benchmarks."""

    head: Markup
    section: Markup


def html(report: RunReport, budget: int = BUDGET, inserted: PageInsert | None = None) -> bytes:
    """The page, UTF-8.

    Args:
        report: the run.
        budget: bytes for the samples.
        inserted: additional markup.
    """
    names, room = Names(), budget // max(1, len(report.benchmarks))
    plain = report.plan.plain_reports
    sections = [
        section(result, names, _samples(result, room), number, exact=report.must_be_right(result), plain=plain)
        for number, result in enumerate(report.benchmarks, 1)
    ]
    style = stylesheet(*_further_styles(report))
    template = _environment().get_template("report.html")
    text = template.render(
        report=report,
        sections=sections,
        overview=_overview(sections, names),
        gaps=_gaps(report, sections, names),
        gap_note=GAP_NOTE,
        changed=changed(report),
        together=drawn(report.benchmarks, names, plain=plain),
        again=shlex.join(one_line(word, 1000) for word in command(report)),
        numbers=_numbers,
        advice=advice(report),
        headline=headline(report),
        rest=rest_of(report),
        first=first_cause(report) if report.causes else None,
        delivery=arrival(report.delivery) if report.delivery else "",
        severities=SEVERITIES,
        inserted=inserted,
        unanswered=unanswered(report),
        cost=cost_of(report),
        load_heads=HEADS,
        load_rows=load_rows,
        style=Markup(style),  # noqa: S704 - our own files
        policy=policy(style_src=source_of(style)),
    )
    return text.encode()


def _further_styles(report: RunReport) -> list[str]:
    """What this page needs besides the style of all pages; pages of older runs keep their bytes."""
    measured_one = any(result.measurement for result in report.benchmarks)
    wanted = {"strip.css": measured_one, "narrow.css": report.plan.plain_reports}
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _samples(result: BenchmarkResult, budget: int) -> Samples:
    draw: Any = _environment().get_template("sample.html").module
    return samples(result, lambda case: draw.sample(case, result.epochs), budget=budget, most=MOST)


def _overview(sections: Sequence[Section], names: Names) -> list[Markup]:
    """A chart per benchmark, on a common scale."""
    found = [measured(entry.result) for entry in sections]
    width = reach(found)
    return [
        row(names(), entry.result.title, one, width) if one.score is not None else Markup("")
        for entry, one in zip(sections, found, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """A gap with its picture, and the section of its benchmark."""

    gap: Gap
    section: Section
    conclusion: str
    picture: Markup


def _gaps(report: RunReport, sections: Sequence[Section], names: Names) -> list[_Gap]:
    """The gaps, with pictures on a common scale."""
    of, width = {entry.result.id: entry for entry in sections}, gap_reach(report.gaps)
    return [
        _Gap(
            gap=gap, section=of[gap.benchmark], conclusion=gap_words(gap),
            picture=gap_row(names(), f"{of[gap.benchmark].result.title}: gap", gap, width),
        )
        for gap in report.gaps
    ]  # fmt: skip


def _numbers(result: BenchmarkResult) -> list[tuple[str, str, str]]:
    """All metrics by name, with their intervals if they have one."""
    metrics = result.metrics
    rows = []
    for name, value in metrics.items():
        if metric_of(name) != name and metric_of(name) in metrics:
            continue
        low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        shown = figure(value) if float(value).is_integer() and abs(value) != 1 else f"{value:.4f}"
        rows.append((name, shown, "" if low is None or high is None else f"{low:.4f} to {high:.4f}"))
    return rows
