"""The suite `streaming`: what each fault breaks, and judgements of made-up streams."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from benchmarks.precheck.causes import USAGE_MISSING, ProbeCause
from benchmarks.precheck.stream_items import FINISHES, ITEMS, StreamItem, Weight
from benchmarks.precheck.suites.stream_contract import HEADERS_DIFFER
from benchmarks.precheck.suites.streaming import (
    BUFFERED,
    CHUNKS_MALFORMED,
    END_MALFORMED,
    FAKED,
    REASONING_LATE,
    SHAPE_DIFFERS,
    STREAM_IGNORED,
    STREAMS_MIXED,
    SYMPTOMS,
    USAGE_EARLY,
    probes,
)
from kvv_action.anomalies import TIMED, Anomaly
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles import loader
from kvv_action.schema import Exchange, Json, Score
from kvv_action.simulator.faults import streaming
from tests.precheck.faulted import Breaks, breaks, check, chosen, outcomes, refusal, said
from tests.precheck.harness import precheck

PROTOCOL, SHAPE, PACE = "streaming.protocol", "streaming.shape", "streaming.pace"


def item(name: str) -> dict[str, ProbeCause]:
    """The probe of one item of the contract, with its cause."""
    (found,) = [one for one in ITEMS if one.name == name]
    return {f"streaming.contract.{name}": ProbeCause(cause=found.rule, remedy=found.remedy)}


FAULTS = {
    "drops-role": Breaks(causes={PROTOCOL: CHUNKS_MALFORMED, **item("role")}),
    "repeats-finish-reason": Breaks(causes={PROTOCOL: END_MALFORMED, **item("finish")}),
    "drops-done": Breaks(causes={PROTOCOL: END_MALFORMED, **item("done")}),
    "usage-first": breaks(USAGE_EARLY, PROTOCOL),
    "reasoning-after-content": breaks(REASONING_LATE, PROTOCOL),
    "mixes-chunk-ids": Breaks(causes={PROTOCOL: STREAMS_MIXED, **item("id")}),
    "changes-model-midway": Breaks(causes={PROTOCOL: STREAMS_MIXED, **item("model")}),
    "sends-empty-chunks": breaks(CHUNKS_MALFORMED, PROTOCOL),
    "streams-in-one-piece": breaks(FAKED, PACE),
    "buffers-streams": breaks(BUFFERED, PACE),
    "ignores-stream": breaks(STREAM_IGNORED, PROTOCOL, SHAPE, PACE),
}
PLAIN = said("42", streamed=False, reasoning="r", usage={"n": 1}, model="m")
STREAM = said("42", reasoning="r", usage={"n": 1}, model="m")


def test_every_fault_is_in_the_table() -> None:
    """A fault without an expectation proves nothing."""
    assert {fault.name for fault in streaming.FAULTS} == set(FAULTS)


@pytest.mark.pipeline
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_its_probes_alone(fault: str, tmp_path: Path) -> None:
    """Exactly the expected probes fail, each with its cause."""
    check(tmp_path / "out", fault, FAULTS[fault])


@pytest.mark.pipeline
def test_a_slow_vendor_is_not_a_buffering_one(tmp_path: Path) -> None:
    """Waiting long for the first token is no defect; a plain stream follows."""
    seen = precheck(tmp_path / "out", faults=("slow",), probes="streaming")
    assert not seen.broken
    assert not seen.failed


def test_the_symptoms_are_the_clients_words() -> None:
    """A word that the client does not use would never be seen."""
    assert set(SYMPTOMS) <= set(Anomaly)


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_a_symptom_breaks_the_protocol(symptom: str) -> None:
    """Each has its cause."""
    assert chosen(PROTOCOL).judge([said("x", anomalies=(symptom,))]).cause == SYMPTOMS[symptom].cause


def test_what_does_no_harm_is_no_defect() -> None:
    """Unasked compression is read, too."""
    assert chosen(PROTOCOL).judge([said("x", anomalies=("compressed-unasked",))]).value == 1


def bare(streamed: bool, **facts: object) -> Exchange:
    """An answer without reasoning."""
    return said(**{"content": "42", "streamed": streamed, "usage": {"n": 1}, "model": "m", **facts})  # type: ignore[arg-type]


def test_reasoning_that_is_missing_once_is_asked_for_again() -> None:
    """A model may think in one mode by chance; twice is a defect of the mode."""
    probe = chosen(SHAPE)
    assert probe.then is not None
    assert probe.then([STREAM, PLAIN]) is None
    assert probe.then([bare(True), PLAIN]) == probe.requests[0]
    assert probe.then([bare(True), PLAIN, STREAM]) == probe.requests[1]
    assert probe.then([bare(True), PLAIN, STREAM, PLAIN]) is None
    assert probe.judge([bare(True), PLAIN, STREAM, PLAIN]).value == 1
    score = probe.judge([bare(True), PLAIN] * 2)
    assert (score.cause, "reasoning only when plain" in score.explanation) == (SHAPE_DIFFERS.cause, True)


@pytest.mark.parametrize(
    ("streamed", "plain", "cause"),
    [
        (bare(True, usage=None), bare(False), USAGE_MISSING),
        (bare(True, model=""), bare(False), SHAPE_DIFFERS),
        (bare(True, finish_reason="stop"), bare(False, finish_reason=None), SHAPE_DIFFERS),
        (bare(True), bare(False, content=""), SHAPE_DIFFERS),
        (bare(False), bare(False), STREAM_IGNORED),
        (bare(True), bare(True), STREAM_IGNORED),
    ],
)
def test_shapes_differ(streamed: Exchange, plain: Exchange, cause: object) -> None:
    """A field of one mode only, or a mode that was not asked for."""
    assert chosen(SHAPE).judge([streamed, plain]).cause == cause.cause  # type: ignore[attr-defined]


def test_an_answer_that_was_cut_off_may_lack_its_content() -> None:
    """All tokens may have gone into thoughts."""
    assert (
        chosen(SHAPE).judge([said("", reasoning="r", finish_reason="length", usage={"n": 1}, model="m"), PLAIN]).value
    )


@pytest.mark.parametrize(
    ("first", "total", "chunks", "cause"),
    [
        (0.1, 4.0, 200, ""),
        (3.99, 4.0, 200, BUFFERED.cause),
        (0.399, 0.4, 200, ""),
        (30.0, 31.0, 200, ""),
        (0.1, 4.0, 3, FAKED.cause),
    ],
)
def test_pace(first: float, total: float, chunks: int, cause: str) -> None:
    """Late against the whole, and faster afterwards than anyone writes; a long wait alone is none of it."""
    answer = said("x" * 1600, first_token=first, total=total, chunks=chunks)
    assert chosen(PACE).judge([answer]).cause == cause


def test_a_late_first_token_is_looked_at_again() -> None:
    """The network may have held one stream back."""
    probe = chosen(PACE)
    late, fine = (said("x" * 1600, first_token=first, total=4.0, chunks=99) for first in (3.99, 0.1))
    assert probe.then is not None
    assert probe.then([late]) == probe.requests[0]
    assert probe.then([late, fine]) is None
    assert probe.judge([late, fine]).value == 1


def test_a_busy_client_blames_nobody() -> None:
    """It asks again, and says so when it stays busy; an answer whose pace is right is right."""
    probe = chosen(PACE)
    late, fine = (
        said("x" * 1600, first_token=first, total=4.0, chunks=99, anomalies=("client-late",)) for first in (3.99, 0.1)
    )
    assert probe.then is not None
    assert probe.then([late]) == probe.requests[0]
    with pytest.raises(Undecided, match="too busy"):
        probe.judge([late] * 3)
    assert probe.judge([fine]).value == 1


def test_a_short_answer_has_no_pace() -> None:
    """Nothing can be said."""
    with pytest.raises(Undecided, match="too short"):
        chosen(PACE).judge([said("No.")])


@pytest.mark.parametrize("probe", list(probes(loader.load("kimi-k3"), Options())), ids=lambda probe: probe.id)
def test_judges_survive_anything(probe: object) -> None:
    """Journals hold what endpoints send."""
    assert outcomes(probe) <= {Score, Undecided}  # type: ignore[arg-type]


BASE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "completion_tokens_details": {"reasoning_tokens": 0},
    "prompt_tokens_details": {"cached_tokens": 0},
}


def frame(delta: Json, finish: str | None = None, **fields: Json) -> dict[str, Json]:
    """A chunk with one choice."""
    return {**BASE, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **fields}


def call(index: int, arguments: str, **opening: Json) -> dict[str, Json]:
    """A chunk with a piece of a call; `name` opens it."""
    function = {"name": opening["name"], "arguments": arguments} if opening else {"arguments": arguments}
    extra = {"id": f"call_{index}", "type": "function"} if opening else {}
    return frame({"tool_calls": [{"index": index, **extra, "function": function}]})


OPEN, WORD, END = frame({"role": "assistant", "content": ""}), frame({"content": "Salt."}), frame({}, "stop")
SUMMARY: dict[str, Json] = {**BASE, "choices": [], "usage": USAGE}
GOOD = [OPEN, WORD, END, SUMMARY]
CALLING = [OPEN, call(0, "", name="f"), call(0, '{"a":'), call(0, "1}"), frame({}, "tool_calls"), SUMMARY]


def events(frames: Sequence[Json], *, done: int = 1, prefix: str = "data: ") -> str:
    """A stream as text."""
    lines = [prefix + orjson.dumps(one).decode() for one in frames] + [f"{prefix}[DONE]"] * done
    return "".join(f"{line}\n\n" for line in lines)


def item_of(name: str, text: str, contract: str = "official") -> Score:
    """The judgement of one item on a stream."""
    probe = chosen(f"streaming.contract.{name}", contract=contract)
    return probe.judge([said(text, raw_bytes=len(text))])


@pytest.mark.parametrize("name", [one.name for one in ITEMS if one.weight is not Weight.INFORMATIONAL])
def test_a_good_stream_keeps_every_item(name: str) -> None:
    """Of a text, of a stream without a summary, and of a call."""
    frames = CALLING if name in ("arguments", "call-pieces", "call-order") else GOOD
    text = events(frames[:-1] if name == "no-summary" else frames)
    assert (item_of(name, text).answer, item_of(name, f": ping\r\n{text}").answer) == ("holds", "holds")


@pytest.mark.parametrize("name", ["framing", "done", "id", "finish"])
def test_the_space_after_data_is_optional(name: str) -> None:
    """As the standard of event streams has it."""
    assert item_of(name, events(GOOD, prefix="data:")).answer == "holds"


SURROGATE = events([OPEN, frame({"content": "HALF"}), END, SUMMARY]).replace("HALF", r"\ud83d")
WRONG = {
    "framing": [
        events(GOOD) + "hello\n",
        "data: {\n\n" + events(GOOD),
        events(GOOD).replace("\n\n", "\n"),
        events(GOOD).replace("\n\ndata: [DONE]", "\ndata: [DONE]"),
    ],
    "done": [events(GOOD, done=0), events(GOOD, done=2), events(GOOD[:2]) + events(GOOD[2:])],
    "id": [events([OPEN, {**WORD, "id": "c2"}, END]), events([{**one, "id": ""} for one in GOOD])],
    "object": [events([OPEN, {**WORD, "object": "chunk"}, END])],
    "model": [events([OPEN, {**WORD, "model": "other"}, END]), events([{"choices": []}])],
    "role": [events([WORD, END]), events([OPEN, OPEN, END])],
    "index": [
        events([OPEN, {**WORD, "choices": [{"delta": {}, "finish_reason": None}]}, END]),
        events([OPEN, {**WORD, "choices": [{"index": 1, "delta": {}, "finish_reason": None}]}, END]),
    ],
    "finish": [events([OPEN, WORD]), events([OPEN, END, END])],
    "arguments": [events([OPEN, call(0, "", name="f"), call(0, '{"a"'), END])],
    "utf8": [events([OPEN, frame({"content": "caf\ufffd"}), END]), 'data: {"choices":[]} \ufffd\n\n', SURROGATE],
    "created": [events([OPEN, {**WORD, "created": 2}, END]), events([{**OPEN, "created": "now"}])],
    "summary": [events([OPEN, WORD, END]), events([SUMMARY, OPEN, WORD, END]), events([*GOOD, SUMMARY])],
    "no-summary": [events(GOOD)],
    "usage": [events([OPEN, END]), events([OPEN, END, {**SUMMARY, "usage": {"prompt_tokens": 1.5}}])],
    "usage-late": [events([OPEN, {**WORD, "usage": USAGE}, END])],
    "keys": [
        events([OPEN, {**WORD, "choices": [{"index": 0, "delta": {}}]}, END]),
        events([OPEN, {**WORD, "choices": [{"index": 0, "delta": None, "finish_reason": None}]}, END]),
        events([OPEN, BASE, END]),
        events([OPEN, {**BASE, "choices": None}, END]),
    ],
    "first": [events([frame({"role": "assistant"}), END]), events([frame({"content": ""}), END])],
    "last": [events([OPEN, frame({"content": "Salt."}, "stop")]), events([OPEN, END, WORD])],
    "texts": [events([OPEN, frame({"content": ["Salt."]}), END])],
    "call-pieces": [
        events([OPEN, call(0, "{}", name="f"), END]),
        events([OPEN, call(0, "", name="f"), call(0, "{}", name="f"), END]),
        events([OPEN, call(0, ""), END]),
    ],
    "call-order": [events([OPEN, call(1, "", name="f"), END]), events([OPEN, *(call(n, "") for n in (0, 1, 0)), END])],
    "finish-known": [events([OPEN, frame({}, "eos")])],
    "logprobs": [events([OPEN, {**WORD, "choices": [{"index": 0, "delta": {}, "logprobs": {"content": [1]}}]}, END])],
    "usage-in-choice": [events(GOOD)],
    "boundary": [events([OPEN, frame({"reasoning_content": "Hm."}), WORD, END])],
}


@pytest.mark.parametrize("one", ITEMS, ids=lambda one: one.name)
def test_what_breaks_an_item_means_what_it_weighs(one: StreamItem) -> None:
    """Required: a failure under both contracts. Recommended: a warning, or information. The frame is quoted."""
    expected = {
        Weight.REQUIRED: ("broken", "broken"),
        Weight.RECOMMENDED: ("warning", "information"),
        Weight.INFORMATIONAL: ("information", "information"),
    }
    for text in WRONG[one.name]:
        official, compatible = item_of(one.name, text), item_of(one.name, text, "compatible")
        assert (official.answer, compatible.answer) == expected[one.weight], text
        assert official.cause in (one.rule, "")
        assert official.explanation


def test_a_lone_surrogate_is_a_broken_character_and_nothing_else() -> None:
    """Strict JSON refuses it; every other item reads the frame all the same."""
    assert {one.name for one in ITEMS if item_of(one.name, SURROGATE, "official").answer == "broken"} == {"utf8"}


@pytest.mark.parametrize("place", [[], {}, "0", 1.5, True])
def test_calls_are_judged_whatever_their_index_is(place: Json) -> None:
    """Also what cannot be counted."""
    pieces = [call(0, "", name="f"), call(0, "{}")]
    for piece in pieces:
        piece["choices"][0]["delta"]["tool_calls"][0]["index"] = place
    answers = {name: item_of(name, events([OPEN, *pieces, END])).answer for name in ("arguments", "call-order")}
    assert answers == {"arguments": "holds", "call-order": "warning"}


def test_finishes_are_openai_s_and_moonshot_s() -> None:
    """A closed set."""
    assert {"stop", "length", "tool_calls", "content_filter"} < set(FINISHES)


def test_a_document_is_no_stream() -> None:
    """Said once, by the probe of the protocol."""
    assert item_of("done", '{"choices": []}').answer == "information"


def test_a_stream_that_was_cut_proves_nothing() -> None:
    """Only the beginning of a very long stream is kept."""
    with pytest.raises(Undecided, match="longer than what is kept"):
        chosen("streaming.contract.done").judge([said(events(GOOD), raw_bytes=10**7)])


def pair(*indices: int) -> dict[str, Json]:
    """A frame with a piece of several choices."""
    choices = [{"index": index, "delta": {"content": "Salt."}, "finish_reason": None} for index in indices]
    return {**BASE, "choices": choices}


def test_several_choices_come_in_frames_of_their_own() -> None:
    """Asked for only where n is not locked: where it is, n = 2 must be refused, which another suite sees."""
    assert "streaming.contract.choices" not in {probe.id for probe in probes(loader.load("kimi-k3"), Options())}
    probe = chosen("streaming.contract.choices", contract="compatible")
    assert [request.body["n"] for request in probe.requests] == [2]
    good, crowded = events([pair(0), pair(1), END]), events([pair(0, 1), END])
    assert probe.judge([said(good, raw_bytes=len(good))]).explanation == "2 choices, one a frame"
    assert probe.judge([said(crowded, raw_bytes=len(crowded))]).answer == "information"
    assert probe.judge([refusal()]).answer == "information"
    official = chosen("streaming.contract.choices", "kimi-k2-0905")
    assert official.judge([said(crowded, raw_bytes=len(crowded))]).answer == "warning"


def test_headers_of_usage_are_told() -> None:
    """Moonshot alone sends them, so that no contract asks for them."""
    probe = chosen("streaming.contract.usage-headers")
    assert probe.judge([said("Salt.")]).answer == "holds"
    assert probe.judge([said("Salt.", anomalies=(Anomaly.USAGE_HEADERS_DIFFER.value,))]).answer == "information"
    assert HEADERS_DIFFER == Anomaly.USAGE_HEADERS_DIFFER


def test_an_unknown_model_is_refused() -> None:
    """Also when a stream is asked for."""
    probe = chosen("streaming.contract.unknown-model")
    assert probe.judge([refusal(404)]).answer == "holds"
    assert probe.judge([said("Salt.")]).answer == "warning"


@pytest.mark.pipeline
@pytest.mark.parametrize("profile", ["kimi-k2-0905", "kimi-k2.6", "kimi-k3"])
def test_the_embedded_vendor_keeps_the_contract(profile: str, tmp_path: Path) -> None:
    """Nothing but what Moonshot alone sends is missing; every stream is kept as evidence in the journal."""
    seen = precheck(tmp_path / "out", profile=profile, probes="streaming.contract.*")
    assert {case.answer for case in seen.cases.values()} <= {"holds", "information"}
    assert not seen.result.diagnosis
    assert not seen.result.anomalies.keys() - TIMED
    assert b"data: [DONE]" in (tmp_path / "out" / "journal.jsonl").read_bytes()
