"""Every report leads with the cause that explains most: what to do, the exact switch, a page about it, its symptoms."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from entrypoint.console import print_report
from kvv_action.github.annotations import of_report
from kvv_action.report.html import html
from kvv_action.report.junit import junit
from kvv_action.report.markdown import summary
from kvv_action.schema import Diagnosis, RunCause, RunReport, Severity, Verdict
from kvv_action.verdict.lead import first_cause, page_of, rest_of
from tests.report.reports import BROKEN, CUT, HOSTILE, OTHER_VERSION, RESULT, UNNAMED
from tests.report.test_html import plain
from tests.report.test_markdown import shape

LEAK = RunCause(
    cause_id="markers-leak", severity=Severity.FAILURE, cause="markers stand in the answers", remedy="use the parser",
    switches={"SGLang": "--tool-call-parser", "vLLM": "--reasoning-parser"}, count=9, of=30, share=0.75,
    benchmarks=("quiz",), symptoms=("no-call", "delivery-cut"),
)  # fmt: skip
WARNED = replace(
    LEAK, cause_id="identity-another-version", severity=Severity.WARNING, cause="another version answers", switches={},
    share=0.0, symptoms=(),
)  # fmt: skip
SILENT = replace(WARNED, cause_id="identity-unnamed", severity=Severity.INFORMATION, cause="no model is named")
FOLDED = Diagnosis(cause="no call is made", count=4, remedy="call", share=0.5, cause_id="no-call")
REASON = f"{CUT.cause}; Quiz: 4 of 30 answers wrong (q1, q2)"
REPORT = replace(
    BROKEN, causes=(LEAK, WARNED, SILENT), findings=(CUT, OTHER_VERSION, UNNAMED), reason=REASON,
    benchmarks=(replace(RESULT, diagnosis=(FOLDED,)),),
)  # fmt: skip
PAGE = page_of(REPORT, LEAK.cause_id)


def printed(report: RunReport) -> list[str]:
    """What the terminal shows."""
    stream = io.StringIO()
    print_report(report, "out", stream)
    return stream.getvalue().splitlines()


def messages(report: RunReport) -> list[str]:
    """The annotations."""
    return [one.message for one in of_report(report)]


def test_the_first_cause_is_the_first_failure() -> None:
    """Of a run that fails, and of no other."""
    assert first_cause(REPORT) is LEAK
    assert first_cause(replace(REPORT, verdict=Verdict.INCONCLUSIVE)) is None
    assert first_cause(replace(REPORT, causes=(WARNED, SILENT))) is None


def test_the_rest_of_the_reason_does_not_repeat_what_was_found() -> None:
    """Ids of samples come last."""
    assert rest_of(REPORT) == "Quiz: 4 of 30 answers wrong (q1, q2)"
    assert rest_of(replace(REPORT, reason=CUT.cause)) == ""
    assert rest_of(replace(REPORT, causes=())) == REASON


@pytest.mark.parametrize(
    "text",
    [summary(REPORT), plain(html(REPORT)), "\n".join(printed(REPORT)), messages(REPORT)[0], junit(REPORT).decode()],
    ids=["summary", "page", "terminal", "annotation", "junit"],
)
def test_every_report_leads_with_cause_and_remedy(text: str) -> None:
    """In this order, before the ids of samples."""
    places = [text.index(words) for words in (LEAK.cause, LEAK.remedy, "(q1, q2)" if "(q1, q2)" in text else "")]
    assert places[0] < places[1]
    assert "(q1, q2)" not in text or places[1] < places[2]


def test_every_report_links_the_page_of_the_cause() -> None:
    """Also where it is an artifact that somebody downloads."""
    for text in (summary(REPORT), html(REPORT).decode(), "\n".join(printed(REPORT)), *messages(REPORT)[:2]):
        assert PAGE in text
    assert PAGE in junit(REPORT).decode()


def test_the_page_is_that_of_the_version_that_ran() -> None:
    """In the repository whose action it was; our own where the runner does not say."""
    assert PAGE == "https://github.com/moonshot/kvv-action/blob/v0.1/docs/causes.md#markers-leak"
    facts = {"server": "https://ghe.example", "action_repository": "me/kvv", "action_ref": "v2"}
    forked = replace(REPORT, provenance=replace(REPORT.provenance, github=facts))
    assert page_of(forked, "a-b") == "https://ghe.example/me/kvv/blob/v2/docs/causes.md#a-b"
    for server in ("javascript:alert(1)", "http://x", ""):
        odd = replace(REPORT, provenance=replace(REPORT.provenance, github={**facts, "server": server}))
        assert page_of(odd, 'x"><b>').startswith("https://github.com/moonshot/kvv-action/blob/")
        assert '"' not in page_of(odd, 'x"><b>')


def test_the_summary_lists_causes_with_their_symptoms() -> None:
    """Share, count, switches and what is explained; information is folded, and nothing is listed twice."""
    text = summary(REPORT).replace("&#95;", "_")
    assert "1. ❌ failure: **markers stand in the answers**" in text
    assert "   - vLLM: --reasoning-parser" in text
    assert "   - Seen in 9 of 30 answers, 30.0 % (quiz); explains 75 % of the failing answers" in text
    assert f"   - It explains: no call is made (4 ×); {CUT.cause} (25 ×)" in text
    assert "2. ⚠️ warning: **another version answers**" in text
    assert SILENT.cause in text.split("<details><summary>1 more that says nothing against the endpoint", 1)[1]
    assert "Likely causes" not in text
    assert "Seen over all answers" not in text


def test_the_terminal_tells_no_symptom() -> None:
    """They are in the files."""
    text = "\n".join(printed(REPORT))
    assert "no call is made" not in text
    assert f"warning: {WARNED.cause}" in text
    assert "1 more cause in summary.md" in text


def test_junit_fails_by_causes_alone() -> None:
    """Their symptoms are told."""
    suite = ElementTree.fromstring(junit(REPORT)).find("testsuite[@name='findings']")
    assert suite is not None
    failing = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert failing == ["markers-leak"]
    assert [case.get("name") for case in suite.iter("testcase")][:3] == [
        "markers-leak", "identity-another-version", "identity-unnamed",
    ]  # fmt: skip


@pytest.mark.parametrize("evil", HOSTILE)
def test_causes_of_strangers_form_no_markup(evil: str) -> None:
    """A report can be rendered that somebody else wrote."""
    plain_words, hostile_words = (
        replace(
            REPORT,
            causes=(
                replace(
                    LEAK, cause_id=word, cause=word, remedy=word, switches={word: word}, benchmarks=(word,),
                    symptoms=(word,),
                ),
            ),
        )
        for word in ("harmless", evil)
    )  # fmt: skip
    assert shape(summary(hostile_words)) == shape(summary(plain_words))
    assert "<script>" not in html(hostile_words).decode().partition("<body")[2]
    assert ElementTree.fromstring(junit(hostile_words)) is not None
