"""Reckoned tokens: a figure to expect, and a bound that holds."""

import random
import re

import pytest

from kvv_action.plan import tokens
from kvv_action.plan.tokens import MOST_PICTURE, Span, of_body, of_output, of_picture, of_text, total
from tests.ask.pictures import png


def test_words_numbers_signs_and_other_scripts_are_counted_apart() -> None:
    """Long words and numbers are several tokens; Han characters a little more than half of one each."""
    assert of_text("word").expected == 1
    assert of_text("extraordinary").expected == 2
    assert of_text("1234567").expected == 3
    assert of_text('{"a":').expected == 3
    assert round(of_text("人口一千万").expected, 2) == 3.1


def test_no_text_has_more_tokens_than_bytes() -> None:
    """The ceiling of a text is its length in bytes."""
    for text in ("", "plain", "人口", "{}{}{}", "\n\n", "é" * 9):
        span = of_text(text)
        assert span.ceiling == len(text.encode())
        assert span.expected <= span.ceiling


def test_pictures_cost_by_their_size() -> None:
    """A token for each tile of 28 pixels; small ones may be enlarged, large ones are shrunk."""
    assert of_picture(png(280, 56)) == Span(expected=20, ceiling=256)
    assert of_picture(png(1000, 1000)) == Span(expected=1296, ceiling=1296)
    assert of_picture(png(5000, 5000)) == Span(expected=4096, ceiling=MOST_PICTURE)
    assert of_picture(b"no picture").ceiling == MOST_PICTURE


def test_a_body_counts_messages_pictures_and_tools() -> None:
    """Everything that the model reads adds to the prompt."""
    plain = {"messages": [{"role": "user", "content": "one two three"}]}
    tools = {**plain, "tools": [{"type": "function", "function": {"name": "look"}}]}
    again = {"messages": [*plain["messages"], {"role": "assistant", "content": "", "reasoning_content": "four five"}]}
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, {"type": "text", "text": "a b"}]
    assert of_body(plain).expected == 11
    assert of_body(tools).expected > of_body(plain).expected
    assert of_body(again).expected > of_body(plain).expected + 4
    assert of_body({"messages": [{"role": "user", "content": parts}]}).ceiling > MOST_PICTURE
    assert of_body({"prompt": "one two three"}).expected == 7


def test_an_answer_is_bounded_by_what_was_asked_for() -> None:
    """max_tokens bounds it for each choice; without one the context window does, or nothing."""
    assert of_output({"max_tokens": 100}, 500, None) == Span(expected=100, ceiling=100)
    assert of_output({"max_completion_tokens": 900, "n": 2}, 500, None) == Span(expected=1000, ceiling=1800)
    assert of_output({}, 500, 4000) == Span(expected=500, ceiling=4000)
    assert of_output({}, 500, None) == Span(expected=500, ceiling=None)


def test_what_is_unlimited_stays_so_in_a_sum() -> None:
    """One part without a ceiling leaves the whole without one."""
    assert total([Span(expected=1, ceiling=2), Span(expected=1, ceiling=None)]) == Span(expected=2, ceiling=None)
    assert Span(expected=1, ceiling=None) * 3 == Span(expected=3, ceiling=None)


_KINDS = re.compile(r"([A-Za-z]+)|([0-9]+)|(\n+)|([^\x00-\x7f]+)|([^\s])")
_SIGNS = re.compile(r"[^\sA-Za-z0-9\x80-\U0010ffff]+")


def word_by_word(text: str) -> float:
    """The rule of the module's docstring, one piece after the other."""
    found = sum(-(-len(signs) // tokens.SIGNS) for signs in _SIGNS.findall(text))
    for letters, digits, lines, other, _ in _KINDS.findall(text):
        found += -(-len(letters) // tokens.WORD) + -(-len(digits) // tokens.DIGITS)
        found += 0.5 * bool(lines) + tokens.OTHER * len(other)
    return found


@pytest.mark.parametrize("signs", ["aB c1\n,é人\x1c\t\ud800", "ab", "a ", "1a", "..a\n", "\n", "\na", "人a", '{}" :'])
def test_texts_are_reckoned_in_slices_by_the_rule(signs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a long text is cut, no token is counted twice, and the quick bound is never below."""
    chance = random.Random(len(signs))
    for size in (16, 17, 50, 65536) * 100:
        monkeypatch.setattr(tokens, "SLICE", size)
        text = "".join(chance.choice(signs) * chance.choice((1, 1, 2, 9)) for _ in range(chance.randrange(80)))
        assert of_text(text).expected == pytest.approx(word_by_word(text), abs=1e-6), text
        assert tokens.most_expected(text) >= word_by_word(text) - 1e-6, text


def test_the_bound_decides_for_ordinary_text() -> None:
    """It lies far enough below what a count of about four characters a token is believed for."""
    text = "The quick brown fox jumps over 13 lazy dogs, and back. " * 7500
    assert 2 * len(text) / 4 > tokens.most_expected(text) > of_text(text).expected
