"""Every fault of serving leads to one first cause, whichever probe or check sees it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kvv_action.schema import Severity
from kvv_action.simulator.faults import (
    classes,
    damage,
    deltas,
    endings,
    filing,
    identity,
    markers,
    oddities,
    usage_lies,
)
from tests.findings.runs import ran

FAILURE, WARNING, INFORMATION = Severity.FAILURE, Severity.WARNING, Severity.INFORMATION
CALLS = "tools.*,thinking.on.*"
FORMATS = "response-format.*,endpoint.*"
LIMITS = "limits.*,tokens.*,thinking.*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a run with one fault says first.

    Attributes:
        rate: share of the requests that it hits; delivery is judged where something else arrives.
        settings: what the run needs, so that the fault shows.
    """

    cause: str
    severity: Severity = FAILURE
    rate: float = 1.0
    settings: dict[str, str] = field(default_factory=dict)


def delivery(cause: str, **settings: str) -> Row:
    """A third of the first tries breaks, all of which retries would hide."""
    return Row(cause=cause, rate=0.3, settings={"seed": "3", **settings})


def calls(cause: str, severity: Severity = FAILURE) -> Row:
    """Seen in streamed calls only, so all probes of tools are sent."""
    return Row(cause=cause, severity=severity, settings={"tier": "full", "probes": CALLS})


def formats(cause: str) -> Row:
    """Seen where JSON is asked for only."""
    return Row(cause=cause, settings={"tier": "full", "probes": FORMATS})


FIRST = {
    "loses-first-token": Row(cause="text-head-lost"),
    "repeats-words": Row(cause="text-repeated"),
    "repeats-chunks": Row(cause="text-repeated"),
    "cuts-characters": Row(cause="text-cut-characters"),
    "sends-half-surrogates": Row(cause="text-cut-characters"),
    "sends-broken-bytes": Row(cause="text-cut-characters"),
    "misreads-as-latin": Row(cause="text-wrong-encoding"),
    "misreads-as-windows": Row(cause="text-wrong-encoding"),
    "leaves-vocabulary-marks": Row(cause="text-vocabulary-marks"),
    "strips-spaces": Row(cause="text-spaces-lost"),
    "doubles-answers": Row(cause="text-doubled"),
    "resends-text": Row(cause="text-doubled"),
    "sends-cumulative-text": Row(cause="text-cumulative"),
    "writes-only-one-sign": Row(cause="degenerate-output"),
    "loops-in-content": Row(cause="degenerate-output"),
    "loops-in-thinking": Row(cause="degenerate-loop", severity=WARNING),
    "speaks-in-salad": Row(cause="not-language"),
    "leaves-end-of-turn": Row(cause="markers-leak"),
    "leaves-end-of-message": Row(cause="markers-leak"),
    "leaves-end-of-text": Row(cause="markers-leak"),
    "leaves-start-of-response": Row(cause="markers-leak"),
    "leaves-end-of-thinking": Row(cause="markers-leak"),
    "leaves-markers-in-arguments": Row(cause="markers-leak"),
    "leaves-markers-in-names": Row(cause="markers-leak"),
    "serves-raw-channels": Row(cause="parser-missing"),
    "serves-raw-calls": Row(cause="markers-leak", settings={"profile": "kimi-k2.6"}),
    "leaves-foreign-marker": Row(cause="markers-unknown", severity=WARNING),
    "numbers-all-calls-alike": calls("calls-index-reused"),
    "omits-call-indexes": calls("calls-without-index"),
    "repeats-call-names": calls("calls-header-repeated"),
    "repeats-call-heads": calls("calls-header-repeated"),
    "resends-arguments": calls("calls-arguments-again"),
    "resends-calls": calls("calls-arguments-again"),
    "sends-cumulative-arguments": calls("calls-arguments-cumulative"),
    "splits-call-names": calls("calls-name-split"),
    "reverses-calls": calls("calls-out-of-order", WARNING),
    "names-another-maker": Row(cause="identity-another-model"),
    "names-another-version": Row(cause="identity-another-version", severity=WARNING),
    "names-two-models": Row(cause="identity-changing", severity=WARNING),
    "names-no-model": Row(cause="identity-unnamed", severity=INFORMATION),
    "leaves-reasoning-out-of-usage": Row(cause="usage-without-reasoning"),
    "counts-chunks": Row(cause="usage-too-few"),
    "caches-more-than-prompt": Row(cause="usage-cached-above-prompt", severity=WARNING),
    "reasons-more-than-completion": Row(cause="usage-without-reasoning"),
    "caps-output-early": Row(cause="output-capped"),
    "caps-and-stops": Row(cause="output-capped"),
    "answers-in-reasoning-after-tools": Row(cause="answer-in-reasoning"),
    "answers-in-reasoning": Row(cause="answer-in-reasoning"),
    "kimi-think-tags-in-content": Row(cause="reasoning-in-content"),
    "thinking-tags-in-content": Row(cause="reasoning-in-content"),
    "wraps-json-in-words": formats("json-fenced"),
    "fences-json-with-tildes": formats("json-fenced"),
    "silent-on-foreign-ids": Row(cause="answers-empty"),
    "says-eos-token": Row(cause="finish-unknown", severity=WARNING),
    "says-end-turn": Row(cause="finish-unknown", severity=WARNING),
    "says-stop": Row(cause="finish-unknown", severity=WARNING),
    "says-length-for-whole-answers": Row(cause="length-too-early", severity=WARNING),
    "filters-content": Row(cause="content-filtered"),
    **{f"gives-up-{word.replace('_', '-')}": delivery("delivery-given-up") for word in endings.GIVEN_UP},
    "sends-empty-stream": delivery("delivery-empty-stream"),
    "sends-empty-body": delivery("delivery-empty-stream"),
    "sends-error-event": delivery("delivery-stream-error"),
    "sends-named-error": delivery("delivery-stream-error"),
    "sends-error-as-answer": delivery("delivery-stream-error"),
    "loses-finish-chunk": delivery("delivery-cut"),
    "cuts-inside-event": delivery("delivery-cut"),
    "joins-events": delivery("delivery-unreadable"),
    "resets-connections": delivery("delivery-cut"),
    "answers-internal-error": delivery("delivery-server-error"),
    "answers-bad-gateway": delivery("delivery-server-error"),
    "answers-gateway-timeout": delivery("delivery-server-error"),
    "fenced-json": formats("json-fenced"),
    "loses-tool-calls": Row(cause="calls-lost"),
    "think-tags-in-content": Row(cause="reasoning-in-content"),
    "think-end-tag-in-content": Row(cause="reasoning-in-content"),
    "tool-parser-off": Row(cause="markers-leak"),
    "leaks-tool-markers": Row(cause="markers-leak"),
    "truncates-stream": delivery("delivery-cut"),
    "disconnects": delivery("delivery-cut"),
    "invalid-json": delivery("delivery-unreadable"),
}
"""The first finding of a smoke run of Pre-Verification, by fault."""
PROBED = {
    "files-cut-thinking-as-content": "needs thinking that max_tokens cuts (tests/findings/test_checks.py)",
    "loses-last-token": "only what is known to the letter shows it",
    "holds-arguments-back": "needs a call with long arguments (tests/endpoint/test_reassembly.py)",
    "cut-calls-say-tool-calls": "needs a call that max_tokens cuts (tests/findings/test_checks.py)",
    "cut-calls-say-stop": "needs a call that max_tokens cuts (tests/findings/test_checks.py)",
    "drops-optional-arguments": "needs a call with optional arguments",
    "cuts-long-arguments": "needs a call with long arguments",
    "crashes-on-schema-refs": "no answer comes",
    "crashes-on-forced-thinking": "no answer comes",
    "refuses-long-prompts": "a refusal is no answer",
    "refuses-large-bodies": "a refusal is no answer",
    "cuts-at-one-time": "needs minutes (tests/findings/test_delivery.py)",
}
"""Faults that no answer shows; a probe must ask for them."""
ALLOWED = {"names-a-path", "sheds-load", *(fault.name for fault in oddities.FAULTS)}
GROUPS = (damage, markers, deltas, identity, usage_lies, filing, classes, endings, oddities)


def test_no_fault_is_forgotten() -> None:
    """Every fault of these kinds has its first cause, or a reason why answers do not show it, or is allowed."""
    assert {fault.name for group in GROUPS for fault in group.FAULTS} <= {*FIRST, *PROBED, *ALLOWED}


@pytest.mark.parametrize("fault", FIRST)
def test_a_fault_leads_to_one_first_cause(fault: str, tmp_path: Path) -> None:
    """The first finding names it; whatever else was found is no worse, and explained by it."""
    row = FIRST[fault]
    report = ran(tmp_path, [f"{fault}={row.rate}"], **row.settings)
    first, *others = report.findings
    assert (first.cause_id, first.severity) == (row.cause, row.severity)
    assert [other.cause_id for other in others if other.severity is not INFORMATION] == []
    assert [one.cause_id for one in report.causes if one.severity is not INFORMATION or one is report.causes[0]] == [
        row.cause
    ]
    assert (report.verdict == "fail") >= (row.severity is FAILURE)
