"""`report.html`: the whole run for a browser, one file that loads nothing and runs nothing.

The templates are in `templates/`, what they share with other pages in `pages/`.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from kvv_action.report.markdown.advice import advice
from kvv_action.report.markdown.again import command
from kvv_action.report.markdown.holdout import NOTE, changed, told
from kvv_action.report.markdown.numbers import base
from kvv_action.report.markdown.origin import pinned
from kvv_action.report.pages.canvas import Names
from kvv_action.report.pages.environment import environment, policy, source_of, stylesheet
from kvv_action.report.pages.intervals import gap_reach, gap_row, reach, row
from kvv_action.report.sections import Samples, Section, drawn, measured, samples, section
from kvv_action.report.text import one_line, points
from kvv_action.schema import BenchmarkResult, Case, DatasetInfo, Gap, RunReport

BUDGET = 1400 * 1024
"""Bytes for the samples of all benchmarks; the rest of a page is small and bounded by itself."""
MOST = 200
"""Samples of one benchmark that are shown; report.json has all that were kept."""


@cache
def _environment() -> Environment:
    made = environment(Path(__file__).parent / "templates")
    made.filters.update(pinned=_pinned, points=partial(points, sign=True))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """What another part of the product says first, and in a section of its own."""

    head: Markup
    section: Markup


def html(report: RunReport, budget: int = BUDGET, inserted: Inserted | None = None) -> bytes:
    """The page, UTF-8.

    Args:
        report: the run.
        budget: bytes that the samples may take.
        inserted: what belongs on this page beside the run itself.
    """
    names, room = Names(), budget // max(1, len(report.benchmarks))
    sections = [
        section(result, names, _samples(result, room), number, exact=report.must_be_right(result))
        for number, result in enumerate(report.benchmarks, 1)
    ]
    template = _environment().get_template("report.html")
    text = template.render(
        report=report,
        sections=sections,
        overview=_overview(sections, names),
        gaps=_gaps(report, sections, names),
        gap_note=NOTE,
        changed=changed(report),
        together=drawn(report.benchmarks, names),
        again=shlex.join(one_line(word, 1000) for word in command(report)),
        numbers=_numbers,
        advice=advice(report),
        inserted=inserted,
        style=Markup(stylesheet()),  # noqa: S704 - our own file
        policy=policy(style_src=source_of(stylesheet())),
    )
    return text.encode()


def _samples(result: BenchmarkResult, budget: int) -> Samples:
    draw: Any = _environment().get_template("sample.html").module
    return samples(result, lambda case: _sample(draw, result, case), budget=budget, most=MOST)


def _sample(module: Any, result: BenchmarkResult, case: Case) -> Markup:
    drawn: Markup = module.sample(case, result.epochs)
    return drawn


def _overview(sections: Sequence[Section], names: Names) -> list[Markup]:
    """A line per benchmark, on one scale."""
    found = [measured(entry.result) for entry in sections]
    width = reach(found)
    return [
        row(names(), entry.result.title, one, width) if one.score is not None else Markup("")
        for entry, one in zip(sections, found, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gap:
    """A gap with its picture, and the section of the benchmark with the published items."""

    gap: Gap
    section: Section
    told: str
    picture: Markup


def _gaps(report: RunReport, sections: Sequence[Section], names: Names) -> list[_Gap]:
    """A line per benchmark that was asked in both ways, on one scale."""
    of, width = {entry.result.id: entry for entry in sections}, gap_reach(report.gaps)
    return [
        _Gap(
            gap=gap, section=of[gap.benchmark], told=told(gap),
            picture=gap_row(names(), f"{of[gap.benchmark].result.title}: gap", gap, width),
        )
        for gap in report.gaps
    ]  # fmt: skip


def _numbers(result: BenchmarkResult) -> list[tuple[str, str, str]]:
    """Every metric by name, with its interval where it has one."""
    metrics = result.metrics
    rows = []
    for name, value in metrics.items():
        if base(name) != name and base(name) in metrics:
            continue
        low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        shown = f"{value:g}" if float(value).is_integer() and abs(value) != 1 else f"{value:.4f}"
        rows.append((name, shown, "" if low is None or high is None else f"{low:.4f} to {high:.4f}"))
    return rows


def _pinned(data: DatasetInfo) -> str:
    """In words, without the emphasis of markdown."""
    return pinned(data).replace("**", "")
