"""The suite `tokens`: what each fault breaks, and judgements of made-up answers."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.precheck.causes import PROMPT_MISCOUNTED, USAGE_MISSING, ProbeCause
from benchmarks.precheck.suites.token_cases import CASES_REFUSED, PARTIAL_IGNORED
from benchmarks.precheck.suites.tokens import (
    COMPLETION_MISCOUNTED,
    MODES_DIFFER,
    PROMPT_DRIFTS,
    TEXTS,
    TOTAL_WRONG,
    probes,
)
from benchmarks.precheck.token_pattern import (
    CONSTANT_OFFSET,
    DOUBLED,
    DROPPED,
    EFFORT_FIXED,
    EFFORT_REWORDED,
    EFFORT_UNRENDERED,
    GENERATION_PREFIX,
    NEVER_THINKS,
    OFF_UNRENDERED,
    OTHER_TEMPLATE,
    OWN_SYSTEM_PROMPT,
    RESULTS_DROPPED,
    REWRITTEN,
    SYSTEM_DROPPED,
    TOKENIZER_DIFFERS,
)
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided, UsageError
from kvv_action.profiles import loader
from kvv_action.profiles.prompt import Share
from kvv_action.profiles.token_cases import TokenCase
from kvv_action.profiles.token_cases import load as load_cases
from kvv_action.schema import Exchange, Score
from kvv_action.simulator import tokens as counting
from kvv_action.simulator.faults import tokens, usage
from tests.precheck.faulted import Breaks, breaks, check, chosen, counted, outcomes, refusal, said
from tests.precheck.harness import precheck

USAGE = ("tokens.usage.streamed", "tokens.usage.plain")
COMPLETION = ("tokens.completion.streamed", "tokens.completion.plain")
LIMITED = ("limits.max-tokens.streamed", "limits.max-tokens.plain", "limits.max-completion-tokens")


def without_counts(*names: str) -> Breaks:
    """Probes that need usage fail; what a picture costs cannot be told, which is no second failure."""
    return replace(breaks(USAGE_MISSING, *names), undecided=("vision.tokens",))


FAULTS = {
    "drops-usage": without_counts(
        *USAGE, *COMPLETION, "tokens.growth", "tokens.modes", "tokens.stable", "tokens.cases"
    ),
    "overcounts-prompt-tokens": breaks(PROMPT_MISCOUNTED, "tokens.growth", "tokens.cases"),
    "drops-usage-of-streams": without_counts(
        USAGE[0], COMPLETION[0], "tokens.modes", "tokens.cases", "streaming.shape"
    ),
    "counts-generation-prefix": Breaks(causes={}),
    "adds-system-prompt": breaks(CONSTANT_OFFSET, "tokens.cases"),
    "counts-streams-differently": Breaks(causes={"tokens.modes": MODES_DIFFER, "tokens.cases": CONSTANT_OFFSET}),
    "counts-without-cache": Breaks(causes={"tokens.stable": PROMPT_DRIFTS, "tokens.cases": PROMPT_MISCOUNTED}),
    "counts-no-completion": breaks(COMPLETION_MISCOUNTED, *USAGE, *COMPLETION),
    "counts-characters": breaks(COMPLETION_MISCOUNTED, *COMPLETION, *LIMITED),
    "wrong-total-tokens": breaks(TOTAL_WRONG, *USAGE),
    "foreign-tokenizer": breaks(TOKENIZER_DIFFERS, "tokens.cases"),
    "template-drops-tools": breaks(DROPPED[Share.TOOLS], "tokens.cases"),
    "template-drops-dynamic-tools": breaks(DROPPED[Share.DYNAMIC_TOOLS], "tokens.cases"),
    "template-drops-tool-choice": breaks(DROPPED[Share.CHOICE], "tokens.cases"),
    "template-drops-response-format": breaks(DROPPED[Share.FORMAT], "tokens.cases"),
    "template-drops-thoughts": breaks(DROPPED[Share.THOUGHTS], "tokens.cases"),
    "template-drops-effort": breaks(EFFORT_UNRENDERED, "tokens.cases"),
    "template-fixes-effort": breaks(EFFORT_FIXED, "tokens.cases"),
    "template-never-thinks": breaks(NEVER_THINKS, "tokens.cases"),
    "ignores-partial-mode": Breaks(causes={}),
}
DATA = os.environ.get("KVV_REFERENCE_DATA", "")
CASES, PARTIAL = chosen("tokens.cases"), chosen("tokens.partial-cases")
KNOWN = load_cases("kimi-k3")


def test_every_fault_is_in_the_table() -> None:
    """A fault without an expectation proves nothing."""
    assert {fault.name for fault in (*tokens.FAULTS, *usage.FAULTS)} == set(FAULTS)


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_probes_alone(fault: str, tmp_path: Path) -> None:
    """Exactly the expected probes fail, each with its cause."""
    check(tmp_path / "out", fault, FAULTS[fault])


@pytest.mark.pipeline
def test_the_generation_prefix_is_named(tmp_path: Path) -> None:
    """It breaks nothing, and the diagnosis says what it is."""
    seen = precheck(tmp_path / "out", faults=("counts-generation-prefix",), probes="tokens")
    assert [diagnosis.cause for diagnosis in seen.result.diagnosis] == [GENERATION_PREFIX.cause]
    assert "generation prefix" in seen.cases["tokens.cases"].explanation


@pytest.mark.pipeline
@pytest.mark.parity
@pytest.mark.skipif(not DATA, reason="KVV_REFERENCE_DATA is not set: the tokenizer is not here")
@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("foreign-tokenizer", breaks(TOKENIZER_DIFFERS, "tokens.tokenizer", "tokens.cases")),
        ("adds-system-prompt", breaks(CONSTANT_OFFSET, "tokens.cases")),
        ("counts-generation-prefix", Breaks(causes={})),
    ],
)
def test_with_the_tokenizer_another_one_shows(fault: str, rule: Breaks, tmp_path: Path) -> None:
    """Another tokenizer is noticed by the texts on which tokenizers differ; a constant is not held against it."""
    check(tmp_path / "out", fault, rule, tokenizer=str(Path(DATA) / "kimi_tokenizer" / "tiktoken.model"))


def test_the_vendor_knows_the_prompts() -> None:
    """Suite and embedded vendor speak of the same texts."""
    assert set(TEXTS) <= set(counting.KNOWN)


@pytest.mark.parametrize("case", KNOWN.cases, ids=lambda case: case.id)
def test_every_case_adds_up(case: TokenCase) -> None:
    """The template and the tokens of its texts reach each published count."""
    assert KNOWN.shares(case.body, thinking=case.thinking, effort=case.effort).total() == case.expected


def test_all_published_cases_are_there() -> None:
    """44 of upstream, 2 constants, and 8 that begin the answer; all of them together are cheap."""
    assert len(CASES.requests) == 46
    assert len(PARTIAL.requests) == 8
    assert sum(case.expected for case in KNOWN.cases) < 10_000
    assert {request.body["max_tokens"] for request in (*CASES.requests, *PARTIAL.requests)} == {1}


@pytest.mark.parametrize(
    ("profile", "options"),
    [("kimi-k3", Options(think_mode="none")), ("kimi-k2.6", Options())],
)
def test_published_counts_are_compared_where_they_can_be_reached(profile: str, options: Options) -> None:
    """Only of a model whose counts are known, and only when effort can be asked for."""
    assert "tokens.cases" not in {probe.id for probe in probes(loader.load(profile), options)}


@pytest.mark.parametrize(
    ("profile", "contract", "answer", "value"),
    [
        ("kimi-k3", "official", "broken", 0),
        ("kimi-k3", "compatible", "warning", 1),
        ("kimi-k3.1-pro", "official", "information", 1),
    ],
)
def test_what_a_wrong_count_means(profile: str, contract: str, answer: str, value: int) -> None:
    """A failure of the official contract; told of a compatible deployment, and of a model that was not measured."""
    probe = chosen("tokens.cases", profile, contract=contract)
    score = probe.judge([counted(case.expected + 9) for case in KNOWN.cases if not case.partial])
    assert (score.answer, score.value) == (answer, value)
    assert "+9" in score.explanation


def test_efforts_are_asked_for_in_the_run_s_own_way() -> None:
    """At top level officially, as template arguments otherwise; `none` turns thinking off."""
    assert {request.body["reasoning_effort"] for request in CASES.requests} == {"low", "high", "max", "none"}
    sent = [
        request.body["chat_template_kwargs"] for request in chosen("tokens.cases", think_mode="opensource").requests
    ]
    assert {"thinking": False} in sent
    assert {"thinking": True, "thinking_effort": "low"} in sent


def whole(change: Callable[[TokenCase], int]) -> list[Exchange]:
    """Counts of all cases that do not begin the answer, changed."""
    return [counted(case.expected + change(case)) for case in KNOWN.cases if not case.partial]


@pytest.mark.parametrize(
    ("change", "value", "cause"),
    [
        (lambda case: 0, 1, ""),
        (lambda case: 1, 1, ""),
        (lambda case: 3, 1, GENERATION_PREFIX.cause),
        (lambda case: 4, 0, CONSTANT_OFFSET.cause),
        (lambda case: -2, 0, CONSTANT_OFFSET.cause),
        (lambda case: int(case.effort == "max"), 0, EFFORT_FIXED.cause),
        (lambda case: 3 + int(case.effort == "max"), 0, EFFORT_FIXED.cause),
        (lambda case: len(case.id) % 4, 1, ""),
        (lambda case: len(case.id) % 9, 0, PROMPT_MISCOUNTED.cause),
    ],
)
def test_patterns_are_named(change: Callable[[TokenCase], int], value: int, cause: str) -> None:
    """What is one more in single cases tells nothing; over all of them it does."""
    score = CASES.judge(whole(change))
    assert (score.value, score.cause) == (value, cause)


def shares(case: TokenCase) -> Counter[Share]:
    return KNOWN.shares(case.body, thinking=case.thinking, effort=case.effort)


def as_if(case: TokenCase, effort: str) -> int:
    """How many tokens more a case has that is rendered at another effort."""
    return KNOWN.shares(case.body, thinking=True, effort=effort).total() - case.expected


def size(case: TokenCase) -> int:
    return len(case.body["messages"])


def has_system(case: TokenCase) -> bool:
    return any(message["role"] == "system" for message in case.body["messages"])


def schemas(case: TokenCase) -> int:
    """How many tools and formats are in a request."""
    return len(case.body.get("tools", ()))


def without(case: TokenCase, role: str) -> int:
    """How many tokens more a case has without the messages of a role; tools in system messages stay."""
    messages = [one for one in case.body["messages"] if one["role"] != role or one.get("tools")]
    body = {**case.body, "messages": messages}
    return KNOWN.shares(body, thinking=case.thinking, effort=case.effort).total() - case.expected


PATTERNS: dict[str, tuple[Callable[[TokenCase], int], ProbeCause]] = {
    "tools twice": (lambda case: shares(case)[Share.TOOLS], DOUBLED[Share.TOOLS]),
    "tools twice, prefix counted": (lambda case: 3 + shares(case)[Share.TOOLS], DOUBLED[Share.TOOLS]),
    "formats twice": (lambda case: shares(case)[Share.FORMAT], DOUBLED[Share.FORMAT]),
    "effort twice": (lambda case: shares(case)[Share.EFFORT], DOUBLED[Share.EFFORT]),
    "calls of the history left out": (lambda case: -shares(case)[Share.CALLS], DROPPED[Share.CALLS]),
    "thinking off ignored": (lambda case: 0 if case.thinking else as_if(case, "max"), OFF_UNRENDERED),
    "effort note in other words": (lambda case: 5 if case.thinking else 0, EFFORT_REWORDED),
    "default system prompt": (lambda case: 0 if has_system(case) else 21, OWN_SYSTEM_PROMPT),
    "date for who has no system message": (lambda case: 1 if has_system(case) else 12, OWN_SYSTEM_PROMPT),
    "another model's frames": (lambda case: -2 * size(case), OTHER_TEMPLATE),
    "dearer messages": (lambda case: 4 * size(case) + 1, OTHER_TEMPLATE),
    "tools with spaces": (lambda case: 7 * schemas(case), REWRITTEN[Share.TOOLS]),
    "formats with spaces": (
        lambda case: shares(case)[Share.FORMAT] // 9 if shares(case)[Share.FORMAT] else 0, REWRITTEN[Share.FORMAT],
    ),
    "dynamic tools with spaces": (lambda case: shares(case)[Share.DYNAMIC_TOOLS] // 10, REWRITTEN[Share.DYNAMIC_TOOLS]),
    "no system messages": (lambda case: without(case, "system"), SYSTEM_DROPPED),
    "no results of tools": (lambda case: without(case, "tool"), RESULTS_DROPPED),
    "no results of tools, prefix counted": (lambda case: 3 + without(case, "tool"), RESULTS_DROPPED),
    "system prompt everywhere": (lambda case: 17, CONSTANT_OFFSET),
    "a date everywhere": (lambda case: 9, CONSTANT_OFFSET),
    "no opening": (lambda case: -7, CONSTANT_OFFSET),
    "Chinese dearer": (lambda case: str(case.body["messages"]).count("好") * 2, TOKENIZER_DIFFERS),
    "every text dearer": (lambda case: len(str(case.body["messages"])) // 20, TOKENIZER_DIFFERS),
}  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_has_its_own_diagnosis(pattern: str) -> None:
    """One cause, and no other beside it."""
    change, cause = PATTERNS[pattern]
    score = CASES.judge(whole(change))
    assert (score.value, score.cause, dict(score.findings)) == (0, cause.cause, {})


@pytest.mark.parametrize(
    "pattern", ["tools twice", "default system prompt", "another model's frames", "tools with spaces"]
)
def test_a_pattern_shows_where_thinking_cannot_be_turned_off(pattern: str) -> None:
    """Cases that are refused say nothing, and the rest is enough."""
    change, cause = PATTERNS[pattern]
    cases = [case for case in KNOWN.cases if not case.partial]
    score = CASES.judge([counted(case.expected + change(case)) if case.thinking else refusal() for case in cases])
    assert (score.cause, dict(score.findings)) == (cause.cause, {})


@pytest.mark.parametrize(
    ("change", "causes"),
    [
        (
            lambda case: (0 if has_system(case) else 21) - shares(case)[Share.TOOLS],
            {DROPPED[Share.TOOLS], OWN_SYSTEM_PROMPT},
        ),
        (lambda case: as_if(case, "max"), {EFFORT_FIXED, OFF_UNRENDERED}),
        (
            lambda case: 2 * size(case) - shares(case)[Share.FORMAT] - shares(case)[Share.EFFORT],
            {DROPPED[Share.FORMAT], EFFORT_UNRENDERED, OTHER_TEMPLATE},
        ),
        (
            lambda case: shares(case)[Share.TOOLS] - shares(case)[Share.THOUGHTS],
            {DROPPED[Share.THOUGHTS], DOUBLED[Share.TOOLS]},
        ),
    ],
)
def test_faults_together_are_all_named(change: Callable[[TokenCase], int], causes: set[ProbeCause]) -> None:
    """Whatever they are."""
    score = CASES.judge(whole(change))
    assert {score.cause, *score.findings} == {cause.cause for cause in causes}


def test_one_case_alone_is_no_pattern() -> None:
    """It is a wrong count, and says nothing about the template."""
    for name in ("k3_tool_declare", "k3_multi_turn", "k3_tool_dynamic_tools"):
        score = CASES.judge(whole(lambda case, name=name: 30 if case.id == name else 0))  # type: ignore[misc]
        assert score.cause in (PROMPT_MISCOUNTED.cause, TOKENIZER_DIFFERS.cause)


def test_two_faults_are_both_named() -> None:
    """What is left out together is found together."""
    left_out = (Share.TOOLS, Share.FORMAT)

    def missing(case: TokenCase) -> int:
        shares = KNOWN.shares(case.body, thinking=case.thinking, effort=case.effort)
        return -sum(shares[share] for share in left_out)

    score = CASES.judge(whole(missing))
    assert {score.cause, *score.findings} == {DROPPED[share].cause for share in left_out}


def test_cases_without_thinking_count_only_where_they_are_accepted() -> None:
    """Whether K3 can stop thinking is open; every other request must be accepted."""
    cases = [case for case in KNOWN.cases if not case.partial]
    declined = [refusal() if case.effort == "none" else counted(case.expected) for case in cases]
    assert CASES.judge(declined).explanation == "41 of 41 counts are right"
    other = [refusal() if case.id == "k3_tool_none" else counted(case.expected) for case in cases]
    assert CASES.judge(other).cause == CASES_REFUSED.cause


@pytest.mark.pipeline
def test_partial_mode_that_is_ignored_is_a_warning(tmp_path: Path) -> None:
    """Told with its cause, and not held against the endpoint."""
    seen = precheck(tmp_path / "out", faults=("ignores-partial-mode",), probes="tokens.partial-cases")
    assert seen.cases["tokens.partial-cases"].answer == "warning"
    assert [diagnosis.cause for diagnosis in seen.result.diagnosis] == [PARTIAL_IGNORED.cause]
    assert PARTIAL.judge([refusal()] * 8).answer == "information"


@pytest.mark.parametrize(
    ("counts", "value"),
    [((12, 112, 212), 1), ((12, 92, 172), 1), ((12, 112, 152), 0), ((12, 12, 12), 0), ((12, 400, 800), 0)],
)
def test_growth_is_steady(counts: tuple[int, ...], value: int) -> None:
    """An addition costs what it must, twice the addition twice as much."""
    assert chosen("tokens.growth").judge([counted(count) for count in counts]).value == value


def test_growth_is_what_a_word_costs_the_model() -> None:
    """A tokenizer with a token or two for each byte is as right as any other, where the profile says so."""
    bytewise = replace(loader.load("generic"), word_tokens=4.33)
    growth = next(probe for probe in probes(bytewise, Options()) if probe.id == "tokens.growth")
    assert growth.judge([counted(count) for count in (12, 412, 812)]).value == 1
    assert growth.judge([counted(count) for count in (12, 112, 212)]).value == 0


@pytest.mark.parametrize(
    ("usage", "cause"),
    [
        ((5, 2, 7), ""),
        ((5, 2, 8), TOTAL_WRONG.cause),
        ((5, 2, None), TOTAL_WRONG.cause),
        ((0, 2, 2), PROMPT_MISCOUNTED.cause),
        ((5, 0, 5), COMPLETION_MISCOUNTED.cause),
        ((None, 2, 2), USAGE_MISSING.cause),
        ((True, 2, 3), USAGE_MISSING.cause),
        ((5.0, 2, 7.0), USAGE_MISSING.cause),
        ((-5, 7, 2), USAGE_MISSING.cause),
    ],
)
def test_usage_adds_up(usage: tuple[object, object, object], cause: str) -> None:
    """Three whole numbers above 0, the third the sum of the others."""
    assert chosen("tokens.usage.plain").judge([counted(*usage)]).cause == cause


@pytest.mark.parametrize(
    ("profile", "count", "reasoning", "value"),
    [
        ("kimi-k2-0905", 50, "", 1),
        ("kimi-k2-0905", 5, "", 0),
        ("kimi-k2-0905", 900, "", 0),
        ("kimi-k3", 900, "", 1),
        ("kimi-k3", 900, "A thought.", 0),
    ],
)
def test_completion_tokens_fit_the_text(profile: str, count: int, reasoning: str, value: int) -> None:
    """Too many are fine only where thoughts may have been kept back."""
    exchange = counted(9, count, content="word " * 40, reasoning=reasoning)
    assert chosen("tokens.completion.plain", profile).judge([exchange]).value == value


def test_a_short_answer_says_nothing_about_its_count() -> None:
    """No judgement from a few characters."""
    with pytest.raises(Undecided, match="too short"):
        chosen("tokens.completion.plain").judge([counted(9, 2, content="No.")])


@pytest.mark.parametrize("name", [*USAGE, "tokens.growth", "tokens.stable"])
def test_a_refusal_says_nothing_about_counts(name: str) -> None:
    """Nothing was counted."""
    with pytest.raises(Undecided, match="refused"):
        chosen(name).judge([refusal(), said(), said()])


@pytest.mark.parametrize("content", [b"", b"<html>", b"IQ== 0\n", b"IQ== x\n", b"!! 1\n", b"IQ==\n"])
def test_a_file_that_is_no_tokenizer_is_a_wrong_setting(content: bytes, tmp_path: Path) -> None:
    """It is found before anything is sent."""
    path = tmp_path / "tiktoken.model"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"tiktoken model file \((it does not hold|line 1 is not a token in base64)"):
        list(probes(loader.load("kimi-k3"), Options(tokenizer=str(path))))


@pytest.mark.parametrize("probe", list(probes(loader.load("kimi-k3"), Options())), ids=lambda probe: probe.id)
def test_judges_survive_anything(probe: object) -> None:
    """Journals hold what endpoints send."""
    assert outcomes(probe) <= {Score, Undecided}  # type: ignore[arg-type]
