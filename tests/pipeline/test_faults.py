"""Every fault of the embedded vendor, through the whole pipeline, to exactly the conclusion that it deserves."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kvv_action.simulator import FAULTS
from tests.beam.test_runs import FAULTS as BEAM_FAULTS
from tests.findings import test_causes
from tests.pipeline.command import IMPATIENT, Ran, benchmark, kvv
from tests.pipeline.command import demo as any_demo
from tests.precheck import (
    test_arguments,
    test_calls,
    test_crash_classes,
    test_crashes,
    test_dynamic_tools,
    test_limits,
    test_mfjs,
    test_response_format,
    test_sizes,
    test_streaming,
    test_thinking,
    test_tokens,
    test_tools,
    test_vision,
)
from tests.profiles.families import KIMI
from tests.simulator import test_distributions
from tests.swebench.test_faults import FAULTS as AGENT_FAULTS
from tests.toolcall.test_faults import TABLE as TOOLCALL_TABLE

pytestmark = pytest.mark.pipeline

PROBES = (
    "--probes",
    "endpoint.answer.*,parameters,thinking.on.*,thinking.off.streamed,tokens.usage.*,tokens.growth",
)
"""What tells these faults apart; `tests/precheck` holds every fault against all suites."""
CHANGED = frozenset(
    {
        "parameters.temperature=1.1",
        "parameters.temperature=2.0",
        "parameters.top_p=0.8",
        "parameters.presence_penalty=0.5",
        "parameters.frequency_penalty=0.5",
        "parameters.n=2",
    }
)
IN_BOTH_MODES = ("", ".thinking-off")
DEFAULTS = frozenset(
    f"parameters.{name}.default" for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "n")
)
EVERY_ANSWER = frozenset(f"kvv-{number}" for number in range(1, 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one benchmark must say.

    Attributes:
        wrong: ids of the samples that are not right, failed ones apart.
        outcome: of each of them.
        kinds: causes of failure; all of them, and no other.
        causes: what is recognised as the reason.
    """

    verdict: str
    wrong: frozenset[str] = frozenset()
    outcome: str = "wrong"
    kinds: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a run must say; `options` are those that take chance out of it."""

    status: int
    verdict: str
    precheck: Part
    aime2025: Part
    state: str = "complete"
    options: tuple[str, ...] = ()


PASSED, SKIPPED = Part(verdict="pass"), Part(verdict="skipped")


def gated(*wrong: str, cause: str, kinds: frozenset[str] = frozenset()) -> Conclusion:
    """Pre-Verification fails, so nothing else is asked."""
    precheck = Part(verdict="fail", wrong=frozenset(wrong), kinds=kinds, causes=frozenset({cause}))
    return Conclusion(status=1, verdict="fail", precheck=precheck, aime2025=SKIPPED)


def misled(outcome: str, *causes: str) -> Conclusion:
    """The contract holds; no answer is right."""
    answers = Part(verdict="fail", wrong=EVERY_ANSWER, outcome=outcome, causes=frozenset(causes))
    return Conclusion(status=1, verdict="fail", precheck=PASSED, aime2025=answers)


def stopped(*kinds: str, options: tuple[str, ...] = ()) -> Conclusion:
    """The endpoint is given up, with nothing said about its answers."""
    precheck = Part(verdict="inconclusive", kinds=frozenset(kinds))
    return Conclusion(
        status=3, verdict="inconclusive", state="stopped", precheck=precheck, aime2025=SKIPPED, options=options
    )


def unusable(precheck: str, aime2025: str, *options: str) -> Conclusion:
    """The endpoint answers, and nothing that it says can be used."""
    first, second = (Part(verdict="inconclusive", kinds=frozenset(kinds.split("|"))) for kinds in (precheck, aime2025))
    return Conclusion(status=3, verdict="inconclusive", precheck=first, aime2025=second, options=options)


def broken(precheck: str, aime2025: str, *options: str) -> Conclusion:
    """As `unusable`, but the server has accepted the requests: delivery fails."""
    return replace(unusable(precheck, aime2025, *options), status=1, verdict="fail")


CONCLUSIONS = {
    "accepts-any-parameter": gated(
        *(name + mode for name in CHANGED for mode in IN_BOTH_MODES),
        cause="locked decoding parameters can be changed",
    ),
    "rejects-defaults": gated(
        *(name + mode for name in DEFAULTS for mode in IN_BOTH_MODES),
        cause="the model's own parameter values are refused",
        kinds=frozenset({"undecided"}),
    ),
    "drops-reasoning": gated("thinking.on.streamed", "thinking.on.plain", cause="thinking content is lost"),
    "drops-usage": gated("tokens.usage.streamed", "tokens.usage.plain", "tokens.growth", cause="usage is missing"),
    "overcounts-prompt-tokens": gated("tokens.growth", cause="prompt tokens are miscounted"),
    "caps-output": replace(
        misled("unparsed", "answers end with finish_reason length long before max_tokens"),
        precheck=Part(verdict="inconclusive", kinds=frozenset({"undecided"})),
    ),
    "wrong-answers": misled("wrong"),
    "workflow-commands-in-content": misled("wrong"),
    "control-characters": misled("unparsed"),
    "rate-limits": stopped("rate-limited"),
    "server-errors": stopped("server-error"),
    "html-error": broken("server-error|bad-response", "server-error|bad-response", "--stop-after-failures", "1000"),
    "error-echoes-key": stopped("server-error"),
    "unauthorized": stopped("auth"),
    "slow": stopped("timeout-first-token", "timeout-total", options=IMPATIENT),
    "hangs": stopped("timeout-first-token", "timeout-total", options=IMPATIENT),
    "disconnects": replace(stopped("disconnected"), status=1, verdict="fail"),  # in the middle of its answers
    "truncates-stream": broken("truncated", "truncated"),
    "invalid-json": broken("bad-response", "bad-response"),
    "huge-response": unusable("too-large", "too-large", "--max-response-bytes", "1000000"),
}


def demo(out: Path, *arguments: object) -> tuple[Ran, dict[str, object]]:
    """A demonstration with the chosen probes."""
    return any_demo(out, *PROBES, *arguments)


def test_no_fault_is_forgotten() -> None:
    """Every fault that the vendor knows has its conclusion here or in a table of Pre-Verification, and no other has."""
    tables = (test_thinking, test_tools, test_dynamic_tools, test_mfjs, test_response_format, test_tokens)
    tables += (test_streaming, test_limits, test_vision, test_arguments, test_calls, test_crashes, test_sizes)
    told = set(CONCLUSIONS).union({"schema-wrong-at-first"}, *(table.FAULTS for table in tables))
    told |= {fault for fault, _, _ in TOOLCALL_TABLE} | set(AGENT_FAULTS) | set(BEAM_FAULTS)
    told |= {*test_causes.FIRST, *test_causes.ASKED, *test_causes.PROBED, *test_causes.ALLOWED}
    told |= {*test_causes.REFUSING, *test_distributions.FAULTS, *test_crash_classes.CLASSES}
    told |= {"recognises-benchmark"}  # tests/pipeline/test_holdout.py
    told |= {"refuses-as-official"}  # tests/precheck/test_suites.py, tests/toolcall/test_refused.py
    assert told == set(FAULTS)


@pytest.mark.parametrize("fault", CONCLUSIONS)
def test_a_plain_demonstration_notices(fault: str, tmp_path: Path) -> None:
    """`kvv demo --fault NAME` alone ends as it should, whichever probe sees it first."""
    ran, report = any_demo(tmp_path, "--fault", fault, *CONCLUSIONS[fault].options)
    assert (ran.status, report["verdict"]) == (CONCLUSIONS[fault].status, CONCLUSIONS[fault].verdict)


@pytest.mark.parametrize("fault", CONCLUSIONS)
def test_a_fault_leads_to_its_conclusion_and_no_other(fault: str, tmp_path: Path) -> None:
    """Status, verdicts, wrong samples, failures and causes are exactly those of the fault."""
    expected = CONCLUSIONS[fault]
    ran, report = demo(tmp_path, "--fault", fault, *expected.options)
    assert (ran.status, report["verdict"], report["state"]) == (expected.status, expected.verdict, expected.state)
    assert concluded(report, "precheck") == expected.precheck
    assert concluded(report, "aime2025") == expected.aime2025


def concluded(report: dict[str, object], name: str) -> Part:
    """What a benchmark said."""
    result = benchmark(report, name)
    wrong = [case for case in result["cases"] if case["outcome"] not in ("right", "failed")]
    outcomes = {case["outcome"] for case in wrong} or {"wrong"}
    return Part(
        verdict=result["verdict"],
        wrong=frozenset(case["id"] for case in wrong),
        outcome="|".join(sorted(outcomes)),
        kinds=frozenset(failure["kind"] for failure in result["failures"]),
        causes=frozenset(found["cause"] for found in result["diagnosis"]),
    )


@pytest.mark.parametrize("fault", ["control-characters", "workflow-commands-in-content", "invalid-json", "slow"])
def test_the_evidence_of_a_bad_vendor_holds(fault: str, tmp_path: Path) -> None:
    """The journal of hostile, broken or absent answers is recomputed to the same report."""
    demo(tmp_path, "--fault", fault, *CONCLUSIONS[fault].options)
    ran = kvv("audit", tmp_path)
    assert (ran.status, ran.err) == (0, ""), ran.out


@pytest.mark.parametrize("profile", KIMI)
def test_a_correct_vendor_passes_with_every_profile(profile: str, tmp_path: Path) -> None:
    """Without a fault every probe and every answer is right; what needs containers is skipped, for there are none."""
    ran, report = any_demo(tmp_path, "--profile", profile)
    assert ran.status == 0
    verdicts = {result["id"]: result["verdict"] for result in report["benchmarks"]}
    assert verdicts.pop("swebench") == "skipped"
    assert verdicts.pop("deepswe", "skipped") == "skipped"
    assert set(verdicts.values()) == {"pass"}
    assert {case["outcome"] for result in report["benchmarks"] for case in result["cases"]} == {"right"}


def test_a_demonstration_is_labelled(tmp_path: Path) -> None:
    """Terminal, report and summary say that no real endpoint was verified."""
    ran, report = demo(tmp_path)
    assert "Verdict (demonstration): pass" in ran.out
    assert report["demonstration"] is True
    assert "**A demonstration**" in (tmp_path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("sends-nulls", "sends-nulls; nothing here fails by them. `kvv faults NAME` says what should: --tier full"),
        ("drops-usage", "drops-usage\n"),
    ],
)
def test_a_demonstration_names_its_faults(fault: str, told: str, tmp_path: Path) -> None:
    """A pass says that the faults were not seen, so that nobody takes it for the vendor's."""
    ran, _ = demo(tmp_path, "--fault", fault)
    assert f"Faults of the embedded vendor: {told}" in ran.out


@pytest.mark.parametrize(("fault", "status"), [("rate-limits=0.3", 0), ("server-errors=0.2", 1)])
def test_passing_trouble_is_retried_and_stays_visible(fault: str, status: int, tmp_path: Path) -> None:
    """Retries mend both; a server that is busy passes, one that breaks what it accepted fails by its delivery."""
    ran, report = demo(tmp_path, "--fault", fault, "--retry-attempts", 10)
    assert ran.status == status
    assert {result["verdict"] for result in report["benchmarks"]} <= {"pass", "skipped"}
    assert [finding["cause_id"] for finding in report.get("findings", [])] == ["delivery-server-error"][:status]
    assert report["usage"]["attempts"] > report["usage"]["requests"]
    assert any(result["metrics"]["first_try_rate"] < 1 for result in report["benchmarks"])


def test_trouble_in_some_requests_costs_no_answer(tmp_path: Path) -> None:
    """What is given up after its tries is failed, the rest is right; no answer is wrong, only delivery fails."""
    ran, report = demo(tmp_path, "--fault", "server-errors=0.4", "--retry-attempts", 1)
    result = benchmark(report, "precheck")
    assert (ran.status, result["verdict"]) == (1, "inconclusive")
    assert {case["outcome"] for case in result["cases"]} == {"right", "failed"}
    assert {failure["kind"] for failure in result["failures"]} == {"server-error"}


def test_two_faults_are_both_found(tmp_path: Path) -> None:
    """Faults of different kinds do not hide each other."""
    _, report = demo(tmp_path, "--fault", "drops-usage", "--fault", "drops-reasoning")
    causes = {found["cause"]: found["cause_id"] for found in benchmark(report, "precheck")["diagnosis"]}
    assert causes == {
        "usage is missing": "usage-is-missing", "thinking content is lost": "thinking-content-is-lost",
    }  # fmt: skip


def test_retries_do_not_mend_wrong_answers(tmp_path: Path) -> None:
    """A vendor that is busy and wrong is wrong."""
    ran, report = demo(tmp_path, "--fault", "rate-limits=0.3", "--fault", "wrong-answers", "--retry-attempts", 10)
    assert ran.status == 1
    assert benchmark(report, "precheck")["verdict"] == "pass"
    assert benchmark(report, "aime2025")["score"] == 0


def test_some_wrong_answers_fail_the_bundled_samples(tmp_path: Path) -> None:
    """On bundled samples the verdict is exact: one wrong answer fails."""
    ran, report = demo(tmp_path, "--fault", "wrong-answers=0.3")
    result = benchmark(report, "aime2025")
    assert ran.status == 1
    assert 0 < result["score"] < 1
    assert result["verdict"] == "fail"


def test_a_gate_that_warns_lets_the_rest_run(tmp_path: Path) -> None:
    """With precheck: warn the failed contract is shown and does not count."""
    ran, report = demo(tmp_path, "--fault", "drops-usage", "--precheck", "warn")
    assert ran.status == 0
    assert benchmark(report, "precheck")["verdict"] == "fail"
    assert benchmark(report, "aime2025")["verdict"] == "pass"
    assert report["usage"]["answers_without_usage"] > 0


def test_a_compatible_contract_allows_what_the_official_one_refuses(tmp_path: Path) -> None:
    """A vendor that lets parameters be changed passes when only compatibility is asked for."""
    ran, report = demo(tmp_path, "--fault", "accepts-any-parameter", "--contract", "compatible")
    assert (ran.status, report["verdict"]) == (0, "pass")
