"""Every fault of serving leads to one first cause, whichever probe or check sees it."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kvv_action.schema import Severity
from kvv_action.simulator.faults import (
    classes,
    cuts,
    damage,
    deltas,
    endings,
    filing,
    identity,
    markers,
    messages,
    oddities,
    text,
    usage_lies,
    wholesale,
)
from tests.findings.runs import ran
from tests.pipeline.command import kvv

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
        symptoms: what else is found, and explained by the cause.
    """

    cause: str
    severity: Severity = FAILURE
    rate: float = 1.0
    settings: dict[str, str] = field(default_factory=dict)
    symptoms: tuple[str, ...] = ()


def delivery(cause: str, **settings: str) -> Row:
    """A third of the first tries breaks, all of which retries would hide."""
    return Row(cause=cause, rate=0.3, settings={"seed": "3", **settings})


def calls(cause: str, severity: Severity = FAILURE) -> Row:
    """Seen in streamed calls only, so all probes of tools are sent."""
    return Row(cause=cause, severity=severity, settings={"tier": "full", "probes": CALLS})


def formats(cause: str) -> Row:
    """Seen where JSON is asked for only."""
    return Row(cause=cause, settings={"tier": "full", "probes": FORMATS})


LONG_CALLS = Row(
    cause="calls-held-back", severity=WARNING, settings={"tier": "full", "probes": "arguments.long.*,thinking.on.*"}
)
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
    "advertises": Row(cause="text-added"),
    "labels-answers": Row(cause="text-added"),
    "greets": Row(cause="text-greeting"),
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
    "leaves-role": Row(cause="markers-unknown", severity=WARNING),
    "leaves-reserved-token": Row(cause="markers-unknown", severity=WARNING),
    "leaves-end-of-picture": Row(cause="markers-leak"),
    "numbers-all-calls-alike": calls("calls-index-reused"),
    "omits-call-indexes": calls("calls-without-index"),
    "repeats-call-names": calls("calls-header-repeated"),
    "repeats-call-heads": calls("calls-header-repeated"),
    "resends-arguments": calls("calls-arguments-again"),
    "resends-calls": calls("calls-arguments-again"),
    "sends-cumulative-arguments": calls("calls-arguments-cumulative"),
    "sends-a-piece-twice": calls("calls-piece-repeated"),
    "repeats-calls": calls("calls-repeated"),
    "splits-call-names": calls("calls-name-split"),
    "reverses-calls": calls("calls-out-of-order", WARNING),
    "holds-arguments-back": LONG_CALLS,
    "flushes-arguments-in-blocks": LONG_CALLS,
    "names-another-maker": Row(cause="identity-another-model"),
    "names-a-small-maker": Row(cause="identity-another-model"),
    "names-another-version": Row(cause="identity-another-version", severity=WARNING),
    "names-two-models": Row(cause="identity-changing", severity=WARNING),
    "names-no-model": Row(cause="identity-unnamed", severity=INFORMATION),
    "leaves-reasoning-out-of-usage": Row(cause="usage-without-reasoning"),
    "counts-chunks": Row(cause="usage-too-few"),
    "caches-more-than-prompt": Row(cause="usage-cached-above-prompt", severity=WARNING),
    "caches-every-prompt": Row(cause="usage-cached-always", severity=WARNING),
    "counts-no-reasoning": Row(cause="usage-reasoning-miscounted", severity=WARNING),
    "counts-the-same-completion": Row(cause="usage-constant"),
    "counts-the-same-prompt": Row(cause="usage-constant"),
    "counts-nothing": Row(cause="usage-constant"),
    "totals-without-prompt": Row(cause="total-tokens-is-not-prompt-and-completion-together"),
    "sends-usage-twice": Row(cause="usage-repeated", severity=WARNING),
    "sends-usage-with-every-chunk": Row(cause="usage-repeated", severity=WARNING),
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
    "writes-error-line": delivery("delivery-stream-error"),
    "writes-page": delivery("delivery-stream-error"),
    "sends-error-as-answer": delivery("delivery-stream-error"),
    "loses-finish-chunk": delivery("delivery-cut"),
    "cuts-inside-event": delivery("delivery-cut"),
    "joins-events": delivery("delivery-unreadable"),
    "resets-connections": delivery("delivery-cut"),
    "answers-internal-error": delivery("delivery-server-error"),
    "answers-bad-gateway": delivery("delivery-server-error"),
    "answers-gateway-timeout": delivery("delivery-server-error"),
    "answers-with-an-error": Row(cause="one-answer-to-everything"),
    "answers-with-a-refusal": Row(cause="one-answer-to-everything"),
    "reverses-text": Row(cause="text-reversed"),
    "silent-at-low-effort": Row(
        cause="answer-in-reasoning", settings={"tier": "full", "probes": "thinking.effort*,endpoint.*"}
    ),
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
    "cut-calls-say-tool-calls": "needs a call that max_tokens cuts (tests/precheck/test_arguments.py)",
    "cut-calls-say-stop": "needs a call that max_tokens cuts (tests/precheck/test_arguments.py)",
    **dict.fromkeys(
        (
            "upper-cases-answers",
            "swaps-case",
            "loses-tabs",
            "writes-spaces-as-tabs",
            "halves-indentation",
            "doubles-spaces",
            "doubles-line-breaks",
            "writes-no-break-spaces",
            "writes-long-dashes",
            "drops-tags",
            "writes-break-tags",
            "escapes-as-json",
            "escapes-as-form",
            "marks-direction",
        ),
        "like others of its kind (tests/precheck/test_text.py)",
    ),
    "cuts-at-one-time": "needs minutes (tests/findings/test_delivery.py)",
}
"""Faults that no answer shows; a probe must ask for them."""


def asked(probe: str, cause: str, severity: Severity = FAILURE, profile: str = "kimi-k3") -> Row:
    """Seen by a probe that asks for it."""
    return Row(cause=cause, severity=severity, settings={"probes": probe, "profile": profile})


ANSWER, SIGNS, CODE = "endpoint.answer.*", "text.signs.*", "text.code.*"
SHORT_ONES = (
    "answer-in-reasoning", "tools-are-called-that-were-not-offered", "tool-arguments-are-not-json-text-of-an-object",
    "a-part-of-a-long-prompt-does-not-reach-the-model",
)  # fmt: skip
"""What is said of short texts, calls and arguments that are lost with a piece of a stream."""
ASKED = {
    "loses-last-token": asked(ANSWER, "the-end-of-texts-is-lost"),
    "loses-last-characters": asked(ANSWER, "the-end-of-texts-is-lost"),
    "loses-first-characters": asked(ANSWER, "text-head-lost"),
    "loses-a-chunk": asked(ANSWER, "texts-lose-pieces-in-the-middle"),
    "repeats-a-chunk": asked(ANSWER, "text-repeated"),
    "cuts-characters-in-streams": asked(ANSWER, "text-cut-characters"),
    "drops-long-characters": asked(SIGNS, "characters-beyond-ascii-are-lost"),
    "writes-question-marks": asked(SIGNS, "characters-beyond-ascii-are-lost"),
    "drops-joiners": asked(SIGNS, "characters-beyond-ascii-are-lost"),
    "escapes-html": asked(ANSWER, "texts-are-escaped-once-too-often"),
    "escapes-line-breaks": asked(ANSWER, "texts-are-escaped-once-too-often"),
    "resolves-entities": asked(CODE, "escapes-in-texts-are-resolved"),
    "resolves-backslashes": asked(CODE, "escapes-in-texts-are-resolved"),
    "collapses-white-space": asked(CODE, "white-space-in-texts-is-changed"),
    "drops-indentation": asked(ANSWER, "white-space-in-texts-is-changed"),
    "lower-cases-answers": asked(ANSWER, "letters-change-their-case"),
    "masks-figures": asked(ANSWER, "words-in-texts-are-masked"),
    "masks-words": asked(ANSWER, "words-in-texts-are-masked"),
    "simplifies-letters": asked(SIGNS, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "normalises-text": asked(SIGNS, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "reformats-numbers": asked(ANSWER, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "strips-markup": asked(CODE, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "begins-with-byte-order-mark": asked(ANSWER, "invisible-characters-are-put-into-texts"),
    "puts-in-zero-width-spaces": asked(ANSWER, "invisible-characters-are-put-into-texts"),
    "leaves-half-a-marker": asked(ANSWER, "markers-leak"),
    "title-cases-answers": replace(
        asked("endpoint.answer.*,limits.*,tools.round-trip.*", "letters-change-their-case"),
        symptoms=(
            "a-part-of-a-long-prompt-does-not-reach-the-model",
            "results-of-tools-do-not-reach-the-model",
        ),
    ),
    "writes-tabs-as-spaces": asked(CODE, "white-space-in-texts-is-changed"),
    "ends-lines-with-crlf": asked(ANSWER, "white-space-in-texts-is-changed"),
    "joins-words": asked(ANSWER, "text-spaces-lost"),
    "writes-curly-quotes": asked(CODE, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "decomposes-letters": asked(ANSWER, "characters-in-texts-are-replaced-by-others-or-left-out"),
    "advertises-in-the-middle": asked(ANSWER, "text-added"),
    "misreads-prompts": asked(ANSWER, "text-wrong-encoding"),
    "escapes-prompts": asked(ANSWER, "texts-are-escaped-once-too-often"),
    "cuts-prompt-ends": asked(ANSWER, "the-end-of-texts-is-lost"),
    "counts-prompts-differently": replace(
        asked("tokens.modes,tokens.stable", "the-same-prompt-is-counted-differently-each-time"),
        symptoms=("streamed-and-plain-answers-count-the-same-prompt-differently",),
    ),
    "ignores-system": asked("messages.system-*", "system-messages-do-not-reach-the-model"),
    "drops-late-system": asked("messages.system-*", "a-system-message-after-the-beginning-does-not-reach-the-model"),
    "merges-system-wrong": asked("messages.system-*", "a-system-message-after-the-beginning-does-not-reach-the-model"),
    "keeps-last-system": asked("messages.system-*", "only-one-of-several-system-messages-reaches-the-model"),
    "refuses-system": asked("messages.system-first.*", "system-messages-are-refused"),
    "refuses-late-system": asked("messages.system-*", "a-system-message-after-the-beginning-is-refused", WARNING),
    "refuses-several-system": asked("messages.system-*", "several-system-messages-are-refused", WARNING),
    "drops-parts-after-first": asked("messages.parts-*", "text-parts-of-a-message-are-lost"),
    "refuses-parts-in-system": asked("messages.parts-*", "content-as-a-list-of-text-parts-is-refused"),
    "drops-parts-of-tools": asked("messages.parts-*", "text-parts-of-a-message-are-lost"),
    "renders-parts-as-json": asked("messages.parts-*", "content-as-parts-is-put-into-the-prompt-as-json"),
    "interprets-control-tokens": asked("messages.control-*", "control-tokens-that-a-user-quotes-are-carried-out"),
    "ends-at-control-tokens": asked("messages.control-*", "control-tokens-that-a-user-quotes-are-carried-out", WARNING),
    "strips-control-tokens": asked("messages.control-*", "control-tokens-that-a-user-quotes-are-carried-out", WARNING),
    "refuses-control-tokens": asked("messages.control-*", "text-that-quotes-control-tokens-is-refused"),
    "drops-picture-in-tool-result": asked("messages.picture-*", "pictures-in-results-of-tools-do-not-reach-the-model"),
    "refuses-picture-in-tool-result": asked("messages.picture-*", "pictures-in-results-of-tools-are-refused", WARNING),
    "foreign-ids-empty-turn": replace(
        asked("messages.foreign-*", "ids-of-another-vendor-in-the-history-break-the-turn"), symptoms=("answers-empty",)
    ),
    "refuses-foreign-ids": asked("messages.foreign-*", "histories-with-ids-of-another-vendor-are-refused"),
    "files-cut-thinking-as-content": asked("thinking.*.streamed", "cut-thinking-as-content"),
    "files-cut-thinking-as-content-whole": asked("thinking.*.plain", "cut-thinking-as-content"),
    "stop-in-thinking-ends-answer": asked(
        "thinking.stop.*", "a-stop-sequence-in-the-thinking-ends-the-answer", WARNING
    ),
    "stop-in-thinking-becomes-content": asked("thinking.stop.*", "thinking-that-a-stop-sequence-ended-becomes-content"),
    "untagged-thinking-in-content": replace(
        asked("thinking.on.*,response-format.*", "thinking-comes-as-content"), symptoms=("response-format-is-ignored",)
    ),
    "loses-first-piece": replace(asked(f"{ANSWER},tools.call.*,limits.long*", "text-head-lost"), symptoms=SHORT_ONES),
    "loses-last-piece": replace(
        asked(f"{ANSWER},tools.call.*,limits.long*", "the-end-of-texts-is-lost"), symptoms=SHORT_ONES
    ),
    "sends-logprobs-as-text": asked("endpoint.*", "log-probabilities-are-malformed", WARNING),
    "sends-old-logprobs": asked("endpoint.*", "log-probabilities-are-malformed", WARNING),
}
"""The first cause of a run with the probes that ask for it, by fault."""
REFUSING = {
    "begins-to-refuse-keys": "it refuses the API key (HTTP 401: the token has expired)",
    "begins-to-refuse-models": "HTTP 404: no deployment is called by this name",
    "begins-to-refuse-requests": "HTTP 400: this endpoint was moved",
}
"""What is said of an endpoint that refuses everything from some request on."""
ALLOWED = {"names-a-path", "sheds-load", *(fault.name for fault in oddities.FAULTS)}
GROUPS = (
    damage,
    markers,
    deltas,
    identity,
    usage_lies,
    filing,
    classes,
    endings,
    oddities,
    text,
    messages,
    cuts,
    wholesale,
)


def test_no_fault_is_forgotten() -> None:
    """Every fault of these kinds has its first cause, or a reason why answers do not show it, or is allowed."""
    assert {fault.name for group in GROUPS for fault in group.FAULTS} <= {*FIRST, *ASKED, *PROBED, *ALLOWED}


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
    switches = [one.switches.get(engine, "") for one in report.causes for engine in ("vLLM", "SGLang")]
    assert all(("-parser" in switch) is ("-parser kimi_k" in switch) for switch in switches)


@pytest.mark.parametrize("fault", ASKED)
def test_a_probe_leads_to_one_first_cause(fault: str, tmp_path: Path) -> None:
    """Whatever was found or diagnosed has the one name."""
    row = ASKED[fault]
    report = ran(tmp_path, [fault], **row.settings)
    (result,) = report.benchmarks
    found = [finding.cause_id for finding in report.findings if finding.severity is not INFORMATION]
    told = {*found, *(diagnosis.cause_id for diagnosis in result.diagnosis)}
    assert told - set(row.symptoms) == {row.cause}
    assert [one.cause_id for one in report.causes if one.severity is not INFORMATION] == [row.cause]
    assert report.verdict == ("fail" if row.severity is FAILURE else "pass")


@pytest.mark.parametrize("fault", REFUSING)
def test_an_endpoint_that_begins_to_refuse_is_named_and_judges_nothing(fault: str, tmp_path: Path) -> None:
    """After how many answers, in its own words, first; what it refused is no wrong answer; an audit agrees."""
    report = ran(tmp_path, [fault])
    (result,) = report.benchmarks
    assert (report.verdict, report.state, result.diagnosis) == ("inconclusive", "stopped", ())
    first = report.causes[0]
    assert (first.cause_id, first.severity) == ("endpoint-began-to-refuse", WARNING)
    assert re.fullmatch(rf"the endpoint began to refuse after \d+ answers: {re.escape(REFUSING[fault])}", first.cause)
    assert report.reason.lower().startswith(first.cause.lower())
    assert {case.outcome for case in result.cases} <= {"right", "failed"}
    assert result.counts.failed > 0
    assert kvv("audit", tmp_path).status == 0
