"""Every report leads with the cause that fails the run, what to do about it, and how answers arrived."""

import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from entrypoint.console import print_report
from kvv_action.github.annotations import AnnotationLevel, of_report
from kvv_action.report.advice import advice
from kvv_action.report.html import html
from kvv_action.report.junit import junit
from kvv_action.report.markdown import summary
from kvv_action.schema import RunReport, Severity, Verdict
from kvv_action.verdict.lead import arrival, first_cause, headline
from tests.report.reports import BROKEN, CUT, DELIVERY, HOSTILE, OTHER_VERSION, REPORT, UNNAMED
from tests.report.test_html import plain
from tests.report.test_markdown import shape

SWITCH = "nginx: proxy_read_timeout, proxy_buffering off"
COUNT = "25 of 100 answers, 25.0 %"
ARRIVED = (
    "25 of 100 requests broke at the first try (25.0 %; at 99 % confidence at least 15.7 %, at 95 % at most 33.1 %; "
    "up to 2 % may break): 20 streams were cut, 5 streams ended in an error; 75.0 % were answered at the first try, "
    "99.0 % after 27 retries; 3 first tries were turned away for lack of capacity (429, 503, 529)"
)
WHOLE = replace(
    DELIVERY, broken=0, kinds={}, share=0.0, verdict=Verdict.PASS, busy=0,
    reason="all 100 requests arrived whole at the first try",
)  # fmt: skip


def printed(report: RunReport) -> list[str]:
    """What the terminal shows."""
    stream = io.StringIO()
    print_report(report, "out", stream)
    return stream.getvalue().splitlines()


def test_delivery_is_told_in_one_line() -> None:
    """Share, limits, kinds, the rate at the first try and after retries, and what was turned away."""
    assert arrival(DELIVERY) == ARRIVED
    assert arrival(WHOLE) == "all 100 requests arrived whole at the first try"


def test_the_summary_leads_with_cause_remedy_and_delivery() -> None:
    """In this order, before the verdicts of the benchmarks; the reason follows."""
    lines = [line.replace("&#95;", "_") for line in summary(BROKEN).splitlines() if line]
    assert lines[:5] == [
        "## ❌ fail: fake-model at vendor",
        f"**{CUT.cause}**",
        f"**Do first**: {CUT.remedy} ({SWITCH}; LiteLLM: request_timeout, stream_timeout)",
        f"Delivery: {ARRIVED}",
        BROKEN.reason,
    ]


def test_the_text_that_refused_everything_leads() -> None:
    """Before the symptoms that each probe names; a finding that fails the run comes first all the same."""
    told = "the endpoint refused all 63 requests alike (HTTP 400: Unmapped provider (x))"
    plan = replace(BROKEN.plan, choices={**BROKEN.plan.choices, "checks": {}})
    run = replace(BROKEN, plan=plan, reason=f"{told}; 24 of 26 probes wrong", findings=())
    assert headline(run) == told
    assert "one plain request" in advice(run)
    assert headline(replace(run, findings=BROKEN.findings)) == CUT.cause
    assert headline(replace(run, reason="2 of 26 probes wrong; the endpoint refused all 3 requests alike (x)")) != told


def test_a_reason_that_is_the_cause_is_not_told_twice() -> None:
    """A run that fails by its delivery alone."""
    text = summary(replace(BROKEN, reason=CUT.cause, findings=(CUT,)))
    assert text.count(CUT.cause) == 2  # at the top and in the table


def test_the_summary_has_a_row_per_finding() -> None:
    """Count of total, share, benchmarks and an example; information is folded."""
    text = summary(BROKEN)
    shown, folded = text.split("<details><summary>1 more that says nothing against the endpoint", 1)
    assert f"| ❌ failure | {CUT.cause} | {COUNT} | precheck, quiz | q1: after 1.0 s: no end |" in shown
    assert f"| ⚠️ warning | {OTHER_VERSION.cause} | 100 of 100 answers, 100.0 % | quiz |  |" in shown
    assert UNNAMED.cause not in shown
    assert UNNAMED.cause in folded


def test_many_findings_are_bounded() -> None:
    """The summary says how many are left out; the terminal and the page, too, stay short."""
    many = replace(BROKEN, findings=(CUT, *(replace(CUT, cause_id=f"c{number}") for number in range(299))))
    assert "250 more in report.json" in summary(many)
    assert plain(html(many)).count(CUT.remedy) <= 51
    assert "289 more findings in summary.md" in printed(many)


def test_the_page_leads_with_cause_remedy_and_delivery() -> None:
    """On its first screen."""
    page = plain(html(BROKEN)).replace("\u00a0", " ")
    first = page[: page.index("Profile")]
    places = [
        first.index(words) for words in (CUT.cause, f"Do first: {CUT.remedy} ({SWITCH}", f"Delivery: {ARRIVED[:60]}")
    ]
    assert places == sorted(places)
    assert "Vendor verification Fail fake-model at vendor 25.0 %" in first


def test_the_terminal_leads_with_verdict_cause_remedy_and_delivery() -> None:
    """Three lines above the table; other findings below."""
    lines = printed(BROKEN)
    assert lines[0] == f"fail: {CUT.cause}"
    assert lines[1].startswith(f"Do first: {CUT.remedy} ({SWITCH}")
    assert lines[2] == f"Delivery: {ARRIVED}"
    assert any(line.startswith(f"warning: {OTHER_VERSION.cause} (100 of 100 answers, 100.0 %; quiz)") for line in lines)
    assert "1 more finding in summary.md" in lines
    assert not any(UNNAMED.cause in line for line in lines)


def test_a_run_that_passes_says_how_answers_arrived() -> None:
    """On every first screen."""
    right = tuple(replace(one, verdict=Verdict.PASS) for one in BROKEN.benchmarks)
    passed = replace(
        BROKEN, verdict=Verdict.PASS, reason="all is well", benchmarks=right, delivery=WHOLE, findings=(UNNAMED,)
    )  # fmt: skip
    told = f"Delivery: {WHOLE.reason}"
    assert printed(passed)[:2] == ["pass: fake-model at vendor", told]
    assert told in summary(passed)
    assert told in plain(html(passed))
    assert any(told in one.message for one in of_report(passed))


def test_junit_has_a_suite_of_findings() -> None:
    """A case each: failures fail with cause and remedy, others are told."""
    suite = ElementTree.fromstring(junit(BROKEN)).find("testsuite[@name='findings']")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failure = cases["delivery-cut"].find("failure")
    assert failure is not None
    assert failure.get("message") == f"{CUT.cause} ({COUNT})"
    assert f"what to do: {CUT.remedy} ({SWITCH}" in (failure.text or "")
    assert "quiz q1, epoch 0: after 1.0 s: no end" in (failure.text or "")
    assert cases["delivery"].findtext("system-out") == ARRIVED
    assert (cases["identity-another-version"].findtext("system-out") or "").startswith(
        f"warning: {OTHER_VERSION.cause}"
    )
    assert cases["identity-another-version"].find("failure") is None


def test_annotations_lead_with_cause_remedy_and_delivery() -> None:
    """The verdict's own; then an error per failure and a warning per warning, none for information."""
    first, *others = of_report(BROKEN)
    assert first.message.splitlines()[0] == f"fake-model at vendor: {CUT.cause}"
    assert first.message.splitlines()[1].startswith(f"Do first: {CUT.remedy} ({SWITCH}")
    assert first.message.splitlines()[2] == f"Delivery: {ARRIVED}"
    found = {one.title: one.level for one in others}
    assert found["kvv: delivery-cut"] is AnnotationLevel.ERROR
    assert found["kvv: identity-another-version"] is AnnotationLevel.WARNING
    assert "kvv: identity-unnamed" not in found


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.SKIPPED])
def test_only_a_failed_run_has_a_cause(verdict: Verdict) -> None:
    """A shard leaves its findings to the merge."""
    assert first_cause(replace(BROKEN, verdict=verdict)) is None


def test_a_warning_is_no_cause() -> None:
    """The benchmark's own remedy stays the first step."""
    warned = replace(BROKEN, findings=(replace(OTHER_VERSION, severity=Severity.WARNING),))
    assert first_cause(warned) is None
    assert advice(warned) == advice(REPORT)


@pytest.mark.parametrize("evil", HOSTILE)
def test_a_report_of_strangers_forms_no_markup(evil: str) -> None:
    """Ids and kinds that kvv never wrote are text as well."""
    plain_words, hostile_words = (
        replace(
            BROKEN, delivery=replace(DELIVERY, kinds={word: 25}),
            findings=tuple(replace(one, cause_id=word, benchmarks=(word,)) for one in BROKEN.findings),
        )
        for word in ("harmless", evil)
    )  # fmt: skip
    assert shape(summary(hostile_words)) == shape(summary(plain_words))
    suite = ElementTree.fromstring(junit(hostile_words)).find("testsuite[@name='findings']")
    assert suite is not None
    assert len(suite) == 4
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", "\n".join(printed(hostile_words)))
    assert "<script>" not in html(hostile_words).decode().partition("<body")[2]


def test_runs_that_did_not_look_say_nothing() -> None:
    """Reports of their day keep their bytes."""
    for text in (summary(REPORT), plain(html(REPORT)), junit(REPORT).decode(), "\n".join(printed(REPORT))):
        assert not re.search("deliver|finding|Seen over", text, re.IGNORECASE)
