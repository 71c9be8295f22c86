"""Annotations."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from kvv_action.errors import Problem
from kvv_action.github.annotations import LONGEST, Annotation, AnnotationLevel, cut, limited, of_problems, of_report
from kvv_action.schema import (
    BenchmarkKind,
    BenchmarkResult,
    Case,
    Diagnosis,
    FailureCount,
    FailureKind,
    Outcome,
    RunReport,
    RunState,
    Verdict,
)
from tests.ask.vendors import planned_of
from tests.e2e.runner import read_log

Make = Callable[..., BenchmarkResult]
MakeReport = Callable[..., RunReport]


def wrong(number: int) -> Case:
    return Case(id=f"probe-{number}", epoch=0, outcome=Outcome.WRONG, value=0.0, explanation="::error::no\n##[x]")


def test_pass_is_one_notice(report: MakeReport) -> None:
    """A run that passed says so once."""
    assert [one.level for one in of_report(report())] == [AnnotationLevel.NOTICE]


def test_worst_comes_first(report: MakeReport, result: Make) -> None:
    """Errors before warnings before notices, the run's verdict before its parts."""
    benchmarks = (result(verdict=Verdict.INCONCLUSIVE, title="A"), result(verdict=Verdict.FAIL, title="B"))
    found = of_report(report(verdict=Verdict.FAIL, reason="because of B", benchmarks=benchmarks))
    assert [(one.level, one.title) for one in found] == [
        ("error", "kvv: fail"), ("error", "B: fail"), ("warning", "A: inconclusive"),
    ]  # fmt: skip


def test_what_was_left_out_as_planned_is_no_warning(report: MakeReport, result: Make) -> None:
    """A tier that leaves a benchmark out says so; one that could not be asked is worth a look."""
    skipped = result(verdict=Verdict.SKIPPED, title="A", reason="left out")
    planned = planned_of(reference=0.9, margin=0.1, samples=30, size=None)
    plan = replace(report().plan, benchmarks=(replace(planned, id=skipped.id, skip="left out"),))
    for changes, level in (({"plan": plan}, AnnotationLevel.NOTICE), ({}, AnnotationLevel.WARNING)):
        found = {one.title: one.level for one in of_report(report(benchmarks=(skipped,), **changes))}
        assert found["A: skipped"] is level


def test_one_reason_for_several_benchmarks_is_one_annotation(report: MakeReport, result: Make) -> None:
    """A failed gate must not fill the ten warnings that a step may have."""
    gate = "Pre-Verification failed: x"
    skipped = [result(verdict=Verdict.SKIPPED, title=title, reason=gate) for title in ("A", "B")]
    other = result(verdict=Verdict.SKIPPED, title="C", reason="no engine")
    found = [one for one in of_report(report(benchmarks=(*skipped, other))) if one.title.endswith("skipped")]
    assert [(one.title, one.message) for one in found] == [("A, B: skipped", gate), ("C: skipped", "no engine")]


def test_what_serves_for_orientation_is_no_warning(report: MakeReport, result: Make) -> None:
    """It does not count."""
    aside = result(verdict=Verdict.INCONCLUSIVE, orientation=True)
    found = of_report(report(verdict=Verdict.PASS, benchmarks=(aside,)))
    assert [one.level for one in found] == [AnnotationLevel.NOTICE, AnnotationLevel.NOTICE]
    assert found[1].title.endswith(": not judged")


def test_at_most_ten_and_how_many_more(report: MakeReport, result: Make) -> None:
    """GitHub shows ten of a level; the tenth tells of the rest."""
    probes = result(kind=BenchmarkKind.CONTRACT, verdict=Verdict.FAIL, cases=tuple(wrong(n) for n in range(20)))
    found = of_report(report(verdict=Verdict.FAIL, benchmarks=(probes,)))
    assert len(found) == 10
    assert found[-1].message.startswith("13 more")


def test_exactly_ten_are_all_shown() -> None:
    """No place is given up when all fit."""
    ten = [Annotation(level=AnnotationLevel.ERROR, title=str(n), message="m") for n in range(10)]
    assert limited(ten) == ten


def test_nothing_untrusted_forms_a_command(report: MakeReport, result: Make) -> None:
    """Titles and messages from an endpoint arrive as data of one command, and hold none themselves."""
    evil = "x\r\n::add-mask::y\n##[add-mask]z,a=b::c\x1b[0m"
    failures = (FailureCount(kind=FailureKind.REJECTED, count=1, example=evil),)
    bad = result(verdict=Verdict.FAIL, title=evil, reason=evil, failures=failures, cases=(wrong(1),))
    found = of_report(report(verdict=Verdict.FAIL, reason=evil, benchmarks=(bad,)))
    log = read_log("\n".join(map(str, found)).encode())
    assert [one.name for one in log.commands] == ["error"] * len(found)
    assert "##[" not in "".join(map(str, found))
    assert "\x1b" not in "".join(map(str, found))


@pytest.mark.parametrize("text", ["a" * 5000, "ä" * 5000, "😀" * 5000])
def test_cut_at_whole_characters(text: str) -> None:
    """4096 bytes, not characters, and no half character at the end."""
    short = cut(text)
    assert LONGEST - 8 <= len(short.encode()) <= LONGEST
    assert short.endswith("…")


def test_short_text_is_not_cut() -> None:
    """A text of exactly the limit stays whole."""
    assert cut("a" * LONGEST) == "a" * LONGEST


def test_causes_are_named(report: MakeReport, result: Make) -> None:
    """A recognised cause stands in the benchmark's annotation with what to do."""
    found = (Diagnosis(cause="thinking is lost", count=3, remedy="enable the reasoning parser"),)
    annotations = of_report(report(verdict=Verdict.FAIL, benchmarks=(result(verdict=Verdict.FAIL, diagnosis=found),)))
    assert "3 × thinking is lost: enable the reasoning parser" in annotations[1].message


def test_failed_requests_beside_a_pass_are_a_warning(report: MakeReport, result: Make) -> None:
    """A benchmark that passed although requests failed is worth a look."""
    failures = (FailureCount(kind=FailureKind.TIMEOUT_TOTAL, count=2, example="too slow"),)
    found = of_report(report(benchmarks=(result(failures=failures),)))
    assert [one.level for one in found] == ["warning", "notice"]
    assert "2 × timeout-total: too slow" in found[0].message


def test_interrupted_run_says_so(report: MakeReport) -> None:
    """The state stands beside the reason."""
    found = of_report(report(verdict=Verdict.INCONCLUSIVE, state=RunState.INTERRUPTED, state_reason="by SIGTERM"))
    assert "Interrupted: by SIGTERM" in found[0].message


def test_one_error_for_each_wrong_input() -> None:
    """The input is in the title, value and allowed values in the message."""
    problems = [Problem(name="tier", value="smok", allowed="Use one of: a.", nearest="smoke")]
    (error,) = of_problems(problems)
    assert (error.level, error.title) == ("error", "kvv: input tier")
    assert "'smok'" in error.message
    assert "'smoke'" in error.message


def test_secrets_are_removed_before_escaping() -> None:
    """A key with characters that commands escape is found all the same."""
    error = Annotation(level=AnnotationLevel.ERROR, title="t", message="key 100%,secret").edited(
        lambda text: text.replace("100%,secret", "***")
    )
    assert str(error) == "::error title=t::key ***"
