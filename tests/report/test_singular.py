"""One answer, one request, one failure: no report speaks of `1 answers`, and no text shows code."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from entrypoint.console import print_report
from kvv_action.github.annotations import of_report
from kvv_action.report.html import html
from kvv_action.report.junit import junit
from kvv_action.report.kvv_table import kvv_table
from kvv_action.report.markdown.summary import summary
from kvv_action.schema import BenchmarkKind, Counts, Outcome, RunReport, Saved, Severity
from tests.report.reports import CUT, DELIVERY, OTHER_VERSION, PROBES, REPORT, RESULT, UNNAMED

MANY = re.compile(
    r"(?<![\d.,/\u2009:-])1 (?:\w+ )?(answers|requests|probes|samples|rows|streams|first tries|tries|retries|cases|"
    r"items|findings|causes|sessions|lines|bytes|are|were|have|say)\b"
)
ONE = Counts(planned=1, sent=1, scored=1, unparsed=0, failed=0, skipped=0)
LOST = Counts(planned=1, sent=1, scored=0, unparsed=0, failed=1, skipped=0)


def one_of_each() -> RunReport:
    """A run of one sample and one probe, both wrong, with one request each that broke once."""
    wrong = replace(RESULT.cases[1], outcome=Outcome.WRONG)
    assert RESULT.comparison is not None
    quiz = replace(
        RESULT, counts=ONE, samples=1, cases=(wrong,), failures=(), skips={}, saved=Saved(requests=1, tokens=None),
        comparison=replace(RESULT.comparison, needed=1), dataset=replace(RESULT.dataset, count=1),
    )  # fmt: skip
    probes = replace(PROBES, kind=BenchmarkKind.CONTRACT, counts=LOST, cases=(wrong,), samples=1)
    broken = replace(DELIVERY, requests=1, broken=1, kinds={"truncated": 1}, retries=1, busy=1, share=1.0)
    found = tuple(replace(one, count=1, of=1) for one in (CUT, OTHER_VERSION, UNNAMED))
    return replace(
        REPORT,
        plan=replace(REPORT.plan, choices={"checks": {"version": 3}}),
        benchmarks=(quiz, probes), delivery=broken, findings=found,
        usage=replace(REPORT.usage, requests=1, attempts=1, answers_without_usage=1),
        journal=replace(REPORT.journal, lines=1, mended_bytes=1, retried_failures=1),
    )  # fmt: skip


def written(report: RunReport) -> Iterator[tuple[str, str]]:
    """Everything that a person reads of a run."""
    terminal = io.StringIO()
    print_report(report, "out", terminal)
    yield "terminal", terminal.getvalue()
    yield "summary", summary(report)
    yield "page", re.sub(r"<[^>]*>", "", html(report).decode())
    yield "junit", junit(report).decode()
    yield "table", kvv_table(report)
    yield "annotations", "\n".join(f"{one.title}: {one.message}" for one in of_report(report))


@pytest.mark.parametrize("severity", list(Severity))
def test_one_is_not_called_by_the_plural(severity: Severity) -> None:
    """In every form of a report, whatever the findings are."""
    report = one_of_each()
    report = replace(report, findings=tuple(replace(one, severity=severity) for one in report.findings))
    for form, text in written(report):
        assert [(form, found[0]) for found in MANY.finditer(text)] == []


def test_no_text_shows_a_record_of_python() -> None:
    """JUnit names the counts and the comparison in words."""
    texts = dict(written(one_of_each()))
    assert "planned 1, sent 1, scored 1" in texts["junit"]
    assert "difference -0.4, low -0.6" in texts["junit"]
    assert not [form for form, text in texts.items() if re.search(r"\b(Counts|Comparison|Saved|Measurement)\(", text)]


def test_scores_in_detail_name_what_is_counted() -> None:
    """How many answers a category has; points before the scale; older reports keep their words."""
    report = one_of_each()
    quiz = replace(report.benchmarks[0], metrics={"points_of_1000": 916.66667})
    report = replace(report, benchmarks=(quiz,))
    assert "- **Quiz**: odd 0.0 % (1 answer), 916.7 points of 1000\n" in summary(report)
    older = replace(report, plan=replace(report.plan, choices={}))
    assert "- **Quiz**: odd 0.0 % of 1, points of 1000 916.667\n" in summary(older)
