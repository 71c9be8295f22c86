"""Whatever an answer holds, the checks say something or nothing, and never fail themselves."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.schema import Completion, FindingExample, Severity, ToolCall
from kvv_action.verdict.checks.damage import is_cumulative, is_doubled, looped, repeated_words
from kvv_action.verdict.checks.findings import RULES, text_signs
from kvv_action.verdict.checks.identity import family, normal
from kvv_action.verdict.checks.markers import echo_of
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sightings, period
from tests.findings.answers import K2, PLACE

PIECES = [
    "<|",
    "|>",
    "<|im_end|>",
    "[EOS]",
    "```",
    "`",
    "~~~",
    "\ufffd",
    "Ã©",
    "Ġ",
    "▁",
    "<0xE4>",
    "<think>",
    "</think>",
    "!!!!",
    "the ",
    "的",
    "{",
    "}",
    '"',
    "\\ud83d",
    "\\",
    "\n",
    " ",
    "a",
    "0",
    "\x00",
    "\u202e",
    "😀",
    "word word word",
]
TEXT = st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=80).map("".join)
NUMBER = st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none() | st.text(max_size=3)
JSON = st.recursive(NUMBER, lambda inner: st.dictionaries(st.text(max_size=9), inner, max_size=3), max_leaves=5)
USAGE = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": NUMBER,
        "completion_tokens": NUMBER,
        "prompt_tokens_details": JSON,
        "completion_tokens_details": st.fixed_dictionaries({"reasoning_tokens": NUMBER}),
        "cached_tokens": NUMBER,
    },
)
CALLS = st.lists(st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT), max_size=3).map(tuple)
WORDS = ["tool-call-index-reused", "lone-surrogate", "reads-buffered", "no-such-word"]
COMPLETIONS = st.builds(
    Completion,
    content=TEXT,
    reasoning=TEXT,
    tool_calls=CALLS,
    usage=USAGE,
    model=TEXT,
    finish_reason=st.none() | TEXT | st.sampled_from(["stop", "length", "tool_calls", "repeat"]),
    anomalies=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
)
REQUESTS = TEXT | st.builds(
    lambda text, limit: orjson.dumps(
        {"messages": text, "max_tokens": limit, "response_format": {"type": "x"}}
    ).decode(),
    st.text(max_size=20),
    st.integers(-9, 2**60),
)


@settings(max_examples=300, deadline=None)
@given(COMPLETIONS, REQUESTS)
def test_any_answer_can_be_looked_at(completion: Completion, request: str) -> None:
    """Signs, each at most once a cause, that make a finding which can be written down."""
    echo = frozenset(echo_of(request.encode(errors="replace")))
    answer = SeenAnswer(place=PLACE, completion=completion, request=request, echo=echo)
    found = list(text_signs(answer, K2))
    assert len({sign.cause.id for sign in found}) == len(found)
    for sign in found:
        sightings = Sightings(cause=sign.cause)
        sightings.add(PLACE, sign.shown, sign.word)
        finding = sightings.finding(1, RULES.get(sign.cause.id, Rule()))
        assert finding.cause
        assert finding.severity in Severity
        assert all(isinstance(example, FindingExample) for example in finding.evidence)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_any_text_can_be_taken_apart(text: str) -> None:
    """The parts of the checks, for themselves."""
    size = period(text)
    assert size == 0 or text == text[:size] * (len(text) // size)
    assert isinstance(is_cumulative(text), bool)
    assert isinstance(is_doubled(text), bool)
    assert looped(text) in text or not looped(text)
    assert repeated_words(text, text) in text
    assert family(text) == family(normal(text))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_any_body_can_be_searched(body: bytes) -> None:
    """Bodies that are no text, too."""
    assert all(isinstance(piece, str) for piece in echo_of(body))
