"""The suite `limits`: what each fault breaks, and judgements of made-up answers."""

import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from benchmarks.precheck.burst import REST
from benchmarks.precheck.causes import ANSWERS_MIXED, BODY_LIMIT, LOAD_BREAKS, NEEDLE_LOST, PROMPT_CUT, WINDOW_SMALL
from benchmarks.precheck.long_prompt import WORDS, long_prompt
from benchmarks.precheck.suites.limits import FINISH_WRONG, MAX_TOKENS_IGNORED, STOP_IGNORED, STOP_REFUSED, probes
from benchmarks.precheck.suites.tokens import COMPLETION_MISCOUNTED
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles import loader
from kvv_action.schema import Attempt, FailureKind, Score
from kvv_action.simulator.conversation import text_of
from kvv_action.simulator.faults import limits
from tests.precheck.faulted import breaks, check, chosen, counted, outcomes, refusal, said

LIMITED = ("limits.max-tokens.streamed", "limits.max-tokens.plain", "limits.max-completion-tokens")
STOPPED = ("limits.stop.streamed", "limits.stop.plain")
LONG = ("limits.long-prompt.8k", "limits.long-prompt.32k")
FAULTS = {
    "ignores-max-tokens": breaks(MAX_TOKENS_IGNORED, *LIMITED),
    "ignores-max-completion-tokens": breaks(MAX_TOKENS_IGNORED, LIMITED[2]),
    "hides-cut-answers": breaks(FINISH_WRONG, *LIMITED),
    "ignores-stop": breaks(STOP_IGNORED, *STOPPED),
    "keeps-stop-text": breaks(STOP_IGNORED, *STOPPED),
    "cuts-long-prompts": breaks(PROMPT_CUT, *LONG),
    "forgets-long-prompts": breaks(NEEDLE_LOST, *LONG),
    "mixes-answers": breaks(ANSWERS_MIXED, "limits.concurrent"),
}
CONCURRENT = chosen("limits.concurrent")
CRASHED = Attempt(number=1, started=0.0, duration=0.1, status=500, failure=FailureKind.SERVER_ERROR)
ANSWERED = Attempt(number=2, started=1.0, duration=0.1, status=200)
NAMES = [text_of(request.messages[0]).removesuffix(REST).rpartition(" ")[2] for request in CONCURRENT.requests]


def test_every_fault_is_in_the_table() -> None:
    """A fault without an expectation proves nothing."""
    assert {fault.name for fault in limits.FAULTS} == set(FAULTS)


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_probes_alone(fault: str, tmp_path: Path) -> None:
    """Exactly the expected probes fail, each with its cause."""
    check(tmp_path / "out", fault, FAULTS[fault])


@pytest.mark.parametrize(
    ("content", "count", "finish", "cause"),
    [
        ("1 2 3", 32, "length", ""),
        ("1 2 3", None, "length", ""),
        ("1 2 3", 33, "length", COMPLETION_MISCOUNTED.cause),
        ("1 2 3 " * 70, 33, "length", MAX_TOKENS_IGNORED.cause),
        ("1 2 3 " * 300, None, "length", MAX_TOKENS_IGNORED.cause),
        ("", 40, "length", MAX_TOKENS_IGNORED.cause),
        ("1 2 3", 32, "stop", FINISH_WRONG.cause),
        ("1 2 3", 32, None, FINISH_WRONG.cause),
    ],
)
def test_max_tokens(content: str, count: int | None, finish: str | None, cause: str) -> None:
    """By usage, by the text where it is long, and by finish_reason."""
    score = chosen(LIMITED[0]).judge([counted(9, count, content=content, finish_reason=finish)])
    assert score.cause == cause


def test_a_model_that_says_something_shorter_was_not_cut() -> None:
    """A small model that does not count ends by itself, and says so rightly; one that counts was cut."""
    probe = chosen(LIMITED[0])
    with pytest.raises(Undecided, match="something else"):
        probe.judge([counted(9, 19, content="In 2017, there were 511 people.", finish_reason="stop")])
    for content, count in (("1, 2, 3, 4", 11), ("", 11), ("In 2017, there were 511 people.", 32)):
        score = probe.judge([counted(9, count, content=content, finish_reason="stop")])
        assert score.cause == FINISH_WRONG.cause


@pytest.mark.parametrize(
    ("content", "reasoning", "cause"),
    [
        ("alpha bravo charlie ", "", ""),
        ("", "I must write alpha bravo charlie ", ""),
        ("alpha bravo charlie HALT", "", STOP_IGNORED.cause),
        ("alpha bravo charlie  delta echo foxtrot", "", STOP_IGNORED.cause),
    ],
)
def test_stop(content: str, reasoning: str, cause: str) -> None:
    """The stop sequence and what follows it are not there; a stop inside the reasoning is one, too."""
    assert chosen(STOPPED[0]).judge([said(content, reasoning=reasoning)]).cause == cause


def test_stop_refused() -> None:
    """A refusal is a defect, another answer says nothing."""
    assert chosen(STOPPED[0]).judge([refusal()]).cause == STOP_REFUSED.cause
    with pytest.raises(Undecided, match="something else"):
        chosen(STOPPED[0]).judge([said("I cannot do that.")])


WORDS_TO_SAY = re.findall(r"code word is (\S+)\.", text_of(chosen(LONG[0]).requests[0].messages[0]))
ALL_SAID = " ".join(WORDS_TO_SAY)


@pytest.mark.parametrize(
    ("status", "message", "cause"),
    [
        (400, "maximum context length is 8192 tokens", f"{WINDOW_SMALL.cause}: 8192 tokens"),
        (422, "at most 8,192 tokens; you sent 8,571", f"{WINDOW_SMALL.cause}: 8192 tokens"),
        (400, "too long", WINDOW_SMALL.cause),
        (413, "entity too large", BODY_LIMIT.cause),
        (404, "", BODY_LIMIT.cause),
        (431, "", BODY_LIMIT.cause),
    ],
)
def test_a_prompt_inside_the_window_must_be_taken(status: int, message: str, cause: str) -> None:
    """A refusal is a defect where the same with next to no filler is accepted, and else says nothing."""
    probe = chosen(LONG[0])
    assert probe.then is not None
    refused = refusal(status, message)
    control = probe.then([refused])
    assert control is not None
    assert len(text_of(control.messages[0])) < 2000
    assert probe.judge([refused, said(ALL_SAID)]).cause == cause
    assert probe.then([refused, said(ALL_SAID)]) is None
    for row in ([refused], [refused, refusal()]):
        with pytest.raises(Undecided, match="short prompt"):
            probe.judge(row)


def test_a_long_prompt_has_fewer_words_where_a_word_costs_more() -> None:
    """A model whose tokens are a byte or two is asked for as many tokens, not for several times its window."""
    generic = loader.load("generic")
    usual, dense = (
        long_prompt(replace(generic, context_window=8192, word_tokens=each), "8k", 8500, tries=1, filler=WORDS)
        for each in (1.0, 5.0)
    )
    assert usual.tokens == dense.tokens
    words = [len(text_of(prompt.request.messages[0]).split()) for prompt in (usual, dense)]
    assert words[0] > usual.tokens
    assert words[1] < dense.tokens / 4


def test_stop_is_not_blamed_for_what_is_refused_without_it() -> None:
    """A gateway that refuses `thinking` refuses the control, too; it is sent after a refusal only, and once."""
    probe = chosen(STOPPED[0])
    assert probe.then is not None
    control = probe.then([refusal(message="no thinking")])
    assert control is not None
    assert "stop" not in control.body
    assert (control.messages, control.thinking) == (probe.requests[0].messages, probe.requests[0].thinking)
    with pytest.raises(Undecided, match=r"without stop is not accepted either \(HTTP 400: no thinking\)"):
        probe.judge([refusal(message="no thinking"), refusal(message="no thinking")])
    assert probe.judge([refusal(), said("alpha bravo charlie HALT")]).cause == STOP_REFUSED.cause
    assert probe.then([refusal(), said("x")]) is None
    assert probe.then([refusal(), refusal()]) is None
    assert probe.then([said("alpha bravo charlie")]) is None
    assert probe.then([said("")]) == probe.requests[0]


def test_a_long_prompt_must_arrive() -> None:
    """Its count and its code words tell; a missing one is asked for again."""
    probe = chosen(LONG[0])
    assert probe.then is not None
    assert probe.judge([counted(8600, content=ALL_SAID)]).value == 1
    assert probe.judge([said(ALL_SAID)]).value == 1
    assert probe.judge([counted(4000, content=ALL_SAID)]).cause == PROMPT_CUT.cause
    assert probe.then([counted(4000, content=ALL_SAID)]) is None
    assert probe.then([counted(8600, content="what?")]) == probe.requests[0]
    assert probe.judge([counted(8600, content="what?")] * 3).cause == NEEDLE_LOST.cause
    assert probe.judge([counted(8600, content="", finish_reason="length")]).value == 1
    with pytest.raises(Undecided, match="max_tokens"):
        probe.judge([said("", finish_reason="length")])


@pytest.mark.parametrize("place", range(3))
def test_a_lost_place_is_named(place: int) -> None:
    """Of a prompt that is counted whole, each code word tells whether its place was read."""
    answer = ALL_SAID.replace(WORDS_TO_SAY[place], "nothing")
    score = chosen(LONG[0]).judge([counted(8600, content=answer)] * 3)
    assert score.cause == NEEDLE_LOST.cause
    assert ("beginning", "middle", "end")[place] in score.explanation


@pytest.mark.parametrize("name", LONG)
def test_long_prompts_stay_below_their_size(name: str) -> None:
    """A body of 200,000 characters is the most."""
    assert 20_000 < len(orjson.dumps(chosen(name).requests[0].messages)) < 201_000


def test_long_prompts_fit_a_small_window() -> None:
    """The profile's window leaves room for the answer, whatever the tokenizer makes of the filler."""
    profile = replace(loader.load("kimi-k3"), context_window=16_384)
    longest = next(probe for probe in probes(profile, Options()) if probe.id == LONG[1])
    assert len(text_of(longest.requests[0].messages[0]).split()) < 13_000


def test_concurrent_answers_must_stay_apart() -> None:
    """A foreign word is a leak; a few missing ones say nothing, and many leave it open."""
    assert CONCURRENT.together
    assert len(CONCURRENT.requests) == len(set(NAMES)) == 32
    own = [said(f"{name}.") for name in NAMES]
    assert CONCURRENT.judge(own).value == 1
    assert CONCURRENT.judge([own[1], own[0], *own[2:]]).cause == ANSWERS_MIXED.cause
    assert CONCURRENT.judge([said(NAMES[0], reasoning=NAMES[3]), *own[1:]]).cause == ANSWERS_MIXED.cause
    mixed = [said("of two", anomalies=("id-changed",))] * 2
    assert CONCURRENT.judge([*mixed, *own[2:]]).cause == ANSWERS_MIXED.cause
    assert CONCURRENT.judge([*[said("no")] * 4, *own[4:]]).value == 1
    with pytest.raises(Undecided, match="no word at all"):
        CONCURRENT.judge([*[said("no")] * 5, *own[5:]])


def test_load_is_blamed_for_what_breaks_at_once_and_not_alone() -> None:
    """Empty answers and crashes count; where requests break alone as well, it is left open."""
    assert CONCURRENT.then is not None
    own = [said(f"{name}.") for name in NAMES]
    crash = replace(said("x"), completion=replace(said("x").completion, attempts=(CRASHED, ANSWERED)))  # type: ignore[type-var]
    for bad in (said(""), crash):
        burst = [*[bad] * 8, *own[8:]]
        assert CONCURRENT.then([bad, *own[1:]]) is None
        assert CONCURRENT.then(burst) == CONCURRENT.requests[0]
        assert CONCURRENT.then([*burst, *own[:3]]) is None
        assert CONCURRENT.judge([*burst, *own[:3]]).cause == LOAD_BREAKS.cause
        with pytest.raises(Undecided, match="alone"):
            CONCURRENT.judge([*burst, *own[:2], bad])


@pytest.mark.parametrize("probe", list(probes(loader.load("kimi-k3"), Options())), ids=lambda probe: probe.id)
def test_judges_survive_anything(probe: object) -> None:
    """Journals hold what endpoints send."""
    assert outcomes(probe) <= {Score, Undecided}  # type: ignore[arg-type]


@pytest.mark.parametrize(("contract", "answer"), [("official", "warning"), ("compatible", "information")])
def test_a_begun_answer_is_taken(contract: str, answer: str) -> None:
    """Refused after the same conversation was accepted without a beginning."""
    probe = chosen("limits.partial-prefill", contract=contract)
    assert probe.requests[1].messages[-1]["partial"] is True
    assert probe.judge([said("alpha"), said("bravo")]).answer == "holds"
    assert probe.judge([said("alpha"), refusal()]).answer == answer
    with pytest.raises(Undecided):
        probe.judge([refusal(), refusal()])
