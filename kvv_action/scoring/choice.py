"""Reads the chosen letter out of an answer to a multiple-choice question.

The rule is that of MMMU-Benchmark/MMMU (`mmmu-pro/evaluate.py`, `parse_multi_choice_response`), which
MoonshotAI/Kimi-Vendor-Verifier uses as well, so that published scores compare. It differs in one thing: where they
guess at random, nothing is found here.
"""

from collections.abc import Callable, Sequence
from string import ascii_uppercase

MARK = "Answer:"
_PUNCTUATION = (",", ".", "!", "?", ";", ":", "'")
_WORDS = 5
"""An answer of more words than these may name an option by its text."""


def letters(options: Sequence[str]) -> str:
    """The letters of the options, from A on."""
    return ascii_uppercase[: len(options)]


def chosen(answer: str, options: Sequence[str]) -> str | None:
    """The letter that an answer chooses, None when it chooses none.

    Args:
        answer: the whole text.
        options: texts of the options, at most 26.
    """
    names = letters(options)
    _, mark, last = answer.rpartition(MARK)
    if mark:
        named = [letter for letter in names if letter in last]
        if len(named) == 1:
            return named[0]
    return _by_form(_padded(answer), names, options)


def _padded(answer: str) -> str:
    """The answer without punctuation around it, and with a space on both sides."""
    for character in _PUNCTUATION:
        answer = answer.strip(character)
    return f" {answer} "


def _by_form(text: str, names: str, options: Sequence[str]) -> str | None:
    """The first form in which any letter occurs decides; of several letters the one that comes last."""
    if found := [letter for letter in names if f"({letter})" in text]:
        return _last(found, lambda letter: text.rfind(f"({letter})"))
    for form in ("{} ", "{}."):
        if found := [letter for letter in names if form.format(letter) in text]:
            return _last(found, lambda letter: text.rfind(f" {letter} "))
    if len(text.split(None, _WORDS)) <= _WORDS:
        return None
    lowered = text.lower()
    contents = {letter: option.lower() for letter, option in zip(names, options, strict=True)}
    found = [letter for letter in names if contents[letter] in lowered]
    return _last(found, lambda letter: lowered.rfind(contents[letter]))


def _last(found: Sequence[str], position: Callable[[str], int]) -> str | None:
    """The letter that comes last; of several in the same place the first, as with numpy's argmax."""
    return max(found, key=position, default=None)
