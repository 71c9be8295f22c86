"""The suite `tokens`: what each fault breaks, and judgements of made-up answers."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.precheck.causes import PROMPT_MISCOUNTED, USAGE_MISSING
from benchmarks.precheck.suites.tokens import (
    COMPLETION_MISCOUNTED,
    CONSTANT_OFFSET,
    EFFORT_NOTE,
    GENERATION_PREFIX,
    MODES_DIFFER,
    PROMPT_DRIFTS,
    PUBLISHED,
    TEXTS,
    TOKENIZER_DIFFERS,
    TOTAL_WRONG,
    probes,
)
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided, UsageError
from kvv_action.profiles import loader
from kvv_action.simulator import tokens as counting
from kvv_action.simulator.faults import tokens, usage
from tests.precheck.faulted import Breaks, breaks, check, chosen, counted, refusal, said, survives
from tests.precheck.harness import precheck

USAGE = ("tokens.usage.streamed", "tokens.usage.plain")
COMPLETION = ("tokens.completion.streamed", "tokens.completion.plain")
LIMITED = ("limits.max-tokens.streamed", "limits.max-tokens.plain", "limits.max-completion-tokens")


def without_counts(*names: str) -> Breaks:
    """Probes that need usage fail; what a picture costs cannot be told, which is no second failure."""
    return replace(breaks(USAGE_MISSING, *names), undecided=("vision.tokens",))


FAULTS = {
    "drops-usage": without_counts(
        *USAGE, *COMPLETION, "tokens.growth", "tokens.modes", "tokens.stable", "tokens.reference"
    ),
    "overcounts-prompt-tokens": breaks(PROMPT_MISCOUNTED, "tokens.growth", "tokens.reference"),
    "drops-usage-of-streams": without_counts(USAGE[0], COMPLETION[0], "tokens.modes", "streaming.shape"),
    "counts-generation-prefix": Breaks(causes={}),
    "adds-system-prompt": breaks(CONSTANT_OFFSET, "tokens.reference"),
    "counts-streams-differently": breaks(MODES_DIFFER, "tokens.modes"),
    "counts-without-cache": Breaks(causes={"tokens.stable": PROMPT_DRIFTS, "tokens.reference": PROMPT_MISCOUNTED}),
    "counts-no-completion": breaks(COMPLETION_MISCOUNTED, *USAGE, *COMPLETION),
    "counts-characters": breaks(COMPLETION_MISCOUNTED, *COMPLETION, *LIMITED),
    "wrong-total-tokens": breaks(TOTAL_WRONG, *USAGE),
    "foreign-tokenizer": Breaks(causes={}),
}
DATA = os.environ.get("KVV_REFERENCE_DATA", "")
REFERENCE = chosen("tokens.reference")


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
    assert "generation prefix" in seen.cases["tokens.reference"].explanation


@pytest.mark.pipeline
@pytest.mark.parity
@pytest.mark.skipif(not DATA, reason="KVV_REFERENCE_DATA is not set: the tokenizer is not here")
@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("foreign-tokenizer", breaks(TOKENIZER_DIFFERS, "tokens.tokenizer")),
        ("adds-system-prompt", breaks(CONSTANT_OFFSET, "tokens.reference")),
        ("counts-generation-prefix", Breaks(causes={})),
    ],
)
def test_with_the_tokenizer_another_one_shows(fault: str, rule: Breaks, tmp_path: Path) -> None:
    """Another tokenizer is noticed by the texts on which tokenizers differ; a constant is not held against it."""
    check(tmp_path / "out", fault, rule, tokenizer=str(Path(DATA) / "kimi_tokenizer" / "tiktoken.model"))


def test_the_vendor_knows_the_prompts() -> None:
    """Suite and embedded vendor speak of the same texts and constants."""
    assert (counting.PUBLISHED, counting.EFFORT_NOTE) == (PUBLISHED, EFFORT_NOTE)
    assert set(counting.KNOWN) == set(TEXTS)


@pytest.mark.parametrize(
    ("profile", "options"),
    [
        ("kimi-k3", Options(contract="compatible")),
        ("kimi-k3", Options(think_mode="none")),
        ("kimi-k2.6", Options()),
    ],
)
def test_published_counts_are_compared_where_they_can_be_reached(profile: str, options: Options) -> None:
    """Only the official contract of a model with constants, and only when effort can be asked for."""
    assert "tokens.reference" not in {probe.id for probe in probes(loader.load(profile), options)}


def test_the_published_prompt_is_sent_as_published() -> None:
    """One message, the format in the second request, the highest effort in both."""
    plain, formatted = REFERENCE.requests
    assert plain.messages == formatted.messages == ({"role": "user", "content": PUBLISHED},)
    assert set(plain.body) == {"max_tokens", "reasoning_effort"}
    assert set(formatted.body) == {"max_tokens", "reasoning_effort", "response_format"}
    assert "chat_template_kwargs" in chosen("tokens.reference", think_mode="opensource").requests[0].body


@pytest.mark.parametrize(
    ("counts", "value", "cause"),
    [
        ((103, 186), 1, ""),
        ((104, 188), 1, ""),
        ((106, 189), 1, GENERATION_PREFIX.cause),
        ((107, 190), 0, CONSTANT_OFFSET.cause),
        ((101, 184), 0, CONSTANT_OFFSET.cause),
        ((103, 190), 0, PROMPT_MISCOUNTED.cause),
        ((0, 186), 0, USAGE_MISSING.cause),
        (("103", 186), 0, USAGE_MISSING.cause),
    ],
)
def test_offsets_are_named(counts: tuple[object, object], value: int, cause: str) -> None:
    """Equal, up to three more, or a constant, or anything else."""
    score = REFERENCE.judge([counted(count) for count in counts])
    assert (score.value, score.cause) == (value, cause)


@pytest.mark.parametrize(
    ("counts", "value"),
    [((12, 112, 212), 1), ((12, 92, 172), 1), ((12, 112, 152), 0), ((12, 12, 12), 0), ((12, 400, 800), 0)],
)
def test_growth_is_steady(counts: tuple[int, ...], value: int) -> None:
    """An addition costs what it must, twice the addition twice as much."""
    assert chosen("tokens.growth").judge([counted(count) for count in counts]).value == value


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


@pytest.mark.parametrize("name", [*USAGE, "tokens.growth", "tokens.stable", "tokens.reference"])
def test_a_refusal_says_nothing_about_counts(name: str) -> None:
    """Nothing was counted."""
    with pytest.raises(Undecided, match="refused"):
        chosen(name).judge([refusal(), said(), said()])


@pytest.mark.parametrize("content", [b"", b"<html>", b"IQ== 0\n", b"IQ== x\n", b"!! 1\n", b"IQ==\n"])
def test_a_file_that_is_no_tokenizer_is_a_wrong_setting(content: bytes, tmp_path: Path) -> None:
    """It is found before anything is sent."""
    path = tmp_path / "tiktoken.model"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="tiktoken"):
        list(probes(loader.load("kimi-k3"), Options(tokenizer=str(path))))


@pytest.mark.parametrize("probe", list(probes(loader.load("kimi-k3"), Options())), ids=lambda probe: probe.id)
def test_judges_survive_anything(probe: object) -> None:
    """Journals hold what endpoints send."""
    survives(probe)  # type: ignore[arg-type]
