"""junit.xml: readable by others, with the policy that a 99 % run is not red."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from kvv_action.report.junit import junit
from kvv_action.schema import Case, Evidence, Outcome, RunReport, Verdict
from tests.report.reports import CASES, HOSTILE, PROBES, REPORT, hostile, with_result


def suites(report: RunReport) -> list[TestSuite]:
    return list(JUnitXml.fromstring(junit(report)))


def cases(report: RunReport) -> dict[str, TestCase]:
    (suite,) = suites(report)
    return {case.name: case for case in suite}


def kinds(case: TestCase) -> list[type]:
    return [type(result) for result in case.result]


def test_totals_are_those_of_the_cases() -> None:
    """As junitparser counts them itself."""
    report = replace(REPORT, benchmarks=(PROBES, *REPORT.benchmarks))
    xml = JUnitXml.fromstring(junit(report))
    written = (xml.tests, xml.failures, xml.errors, xml.skipped)
    xml.update_statistics()
    assert written == (xml.tests, xml.failures, xml.errors, xml.skipped) == (8, 3, 2, 0)


def test_a_benchmark_is_a_suite() -> None:
    """With its numbers as properties."""
    (suite,) = suites(REPORT)
    found = {item.name: item.value for item in suite.properties()}
    assert suite.name == "quiz"
    assert found["verdict"] == "fail"
    assert found["score"] == "0.500000"
    assert found["count.planned"] == "4"
    assert found["metric.accuracy"] == "0.500000"
    assert found["cases_omitted"] == "0"


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict.PASS, []),
        (Verdict.FAIL, [Failure]),
        (Verdict.INCONCLUSIVE, [Error]),
        (Verdict.SKIPPED, [Skipped]),
    ],
)
def test_the_verdict_is_a_case(verdict: Verdict, kind: list[type]) -> None:
    """It carries the reason, and the numbers where something is wrong."""
    case = cases(with_result(verdict=verdict))["verdict"]
    assert kinds(case) == kind
    if kind:
        assert case.result[0].message == "50 % against 90 %"
    if kind in ([Failure], [Error]):
        assert "score 50.0 %, interval 10.0 % to 90.0 %, bounds 25.0 % to 75.0 %" in case.result[0].text


def test_a_score_for_orientation_is_not_red() -> None:
    """A run can pass with it, so nobody's gate on JUnit may fail by it."""
    case = cases(with_result(verdict=Verdict.INCONCLUSIVE, orientation=True))["verdict"]
    assert (kinds(case), case.result[0].message) == ([Skipped], "not judged: 50 % against 90 %")


def test_a_wrong_answer_of_a_scored_benchmark_is_not_red() -> None:
    """The rate decides, so the case passes and shows its score."""
    case = cases(REPORT)["q1"]
    assert kinds(case) == []
    found = {item.get("name"): item.get("value") for item in ElementTree.fromstring(case.tostring()).iter("property")}
    assert found == {"outcome": "wrong", "score": "0", "answer": "7", "category": "odd", "explanation": "expected 8"}


def test_an_infrastructure_failure_is_an_error() -> None:
    """With its cause as the type."""
    case = cases(REPORT)["q2"]
    assert kinds(case) == [Error]
    assert (case.result[0].type, case.result[0].message) == ("timeout-total", "no end")


@pytest.mark.parametrize("outcome", [Outcome.WRONG, Outcome.PARTIAL, Outcome.UNPARSED])
def test_a_probe_that_does_not_hold_is_red(outcome: Outcome) -> None:
    """A contract has no rate."""
    broken = Case(id="p", epoch=0, outcome=outcome, value=0.0, explanation="n=2 was accepted", cause="can be changed")
    case = cases(with_result(PROBES, cases=(broken,)))["p"]
    assert kinds(case) == [Failure]
    assert (case.result[0].type, case.result[0].message) == ("can be changed", "n=2 was accepted")


def test_a_probe_that_holds_is_green() -> None:
    """It has no result element."""
    assert kinds(cases(with_result(PROBES, cases=CASES[:1]))["q0"]) == []


def test_epochs_are_told_apart() -> None:
    """Otherwise readers merge cases of the same name."""
    repeated = tuple(replace(CASES[0], epoch=epoch) for epoch in range(2))
    assert set(cases(with_result(cases=repeated, epochs=2))) == {"verdict", "q0 [epoch 0]", "q0 [epoch 1]"}


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_text_is_text(evil: str) -> None:
    """No element can be opened or closed by it, and no character in it is illegal in XML."""
    content = junit(hostile(evil)).decode()
    root = ElementTree.fromstring(content)
    known = {
        "testsuites",
        "testsuite",
        "testcase",
        "properties",
        "property",
        "failure",
        "error",
        "skipped",
        "system-out",
    }
    assert {element.tag for element in root.iter()} <= known
    assert len(list(root.iter("testcase"))) == 16
    JUnitXml.fromstring(content.encode())


def test_no_control_character_is_in_the_file() -> None:
    """Not even one that XML would allow; each is shown as an escape."""
    content = junit(hostile()).decode()
    assert not [char for char in content if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0]
    assert not set("\u202e\u2066\u200f\u200b\ufeff\u2028\ufffe\uffff") & set(content)
    assert "\\x1b[31mred" in content


def test_an_empty_report_is_a_file() -> None:
    """Of no suites."""
    assert JUnitXml.fromstring(junit(replace(REPORT, benchmarks=()))).tests == 0


def test_the_same_report_is_the_same_bytes() -> None:
    """No time of writing, no order by chance."""
    assert junit(hostile()) == junit(hostile())


def test_a_broken_probe_shows_its_evidence() -> None:
    """Request, answer and the endpoint's own id of the request, harmless as all text."""
    evidence = Evidence(request_id="req-7", request='{"n":2}', response="HTTP 400: \x1b[31mno\x00")
    broken = replace(PROBES, cases=tuple(replace(case, evidence=(evidence,)) for case in PROBES.cases))
    found = [result for case in cases(replace(REPORT, benchmarks=(broken,))).values() for result in case.result]
    texts = [result.text for result in found if isinstance(result, Failure) and result.type != "verdict"]
    assert texts
    assert all("request req-7" in text and '{"n":2}' in text and "\\x1b[31mno\\x00" in text for text in texts)


def test_the_verdict_case_keeps_the_numbers_of_the_comparison() -> None:
    """For whoever opens the failure; machines find them among the properties of the suite."""
    text = junit(REPORT).decode()
    assert "detectable=0.3, needed=17" in text
    assert 'name="comparison.high" value="-0.2"' in text
