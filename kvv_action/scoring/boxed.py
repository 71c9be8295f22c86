"""Judges an answer that ends in one box with a whole number, as most do, without math-verify.

The library takes a hundred times as long. `tests/perf/test_math.py` shows that both say the same of every answer that
is judged here. No pattern goes back over what it has matched, so that an answer takes microseconds, whatever is in it.
"""

import re
from dataclasses import dataclass

LONGEST_PLAIN = 20_000
"""Characters of an answer that is judged without the library: on longer ones its own deadlines may decide."""
_BOX = "\\boxed{"
_NUMBER = r"\d{1,9}"
_TARGET = re.compile(_NUMBER, re.ASCII)
_PLAIN_END = re.compile(rf"\\boxed\{{({_NUMBER})\}}\s*+(?:\$\$?|\\\)|\\\])?[\s.*]*+\Z", re.ASCII)
"""One whole number in a box, and after it only what ends a formula, a sentence or bold text."""
_ANNOUNCED = re.compile(r"final answer[^$\\\[]*+(?:\$\$?|\\\(|\\\[)?\s*+\Z", re.IGNORECASE)
"""What may stand between the words `final answer` and the box: the library also takes formulas from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxedNumber:
    """The whole number of an answer, and whether it is the one that was asked for."""

    answer: str
    right: bool


def boxed_number(target: str, answer: str) -> BoxedNumber | None:
    """Judge an answer that ends with its only box, which holds a whole number; None for any other answer."""
    start = answer.rfind(_BOX) if len(answer) <= LONGEST_PLAIN and _TARGET.fullmatch(target) else -1
    end = _PLAIN_END.match(answer, start) if start >= 0 else None
    if end is None or not _is_plain(answer[:start]):
        return None
    return BoxedNumber(answer=end[1], right=int(end[1]) == int(target))


def _is_plain(before: str) -> bool:
    """Whether the library would take the box alone: nothing before it looks like another answer."""
    if any(word in before for word in ("boxed", "fbox", "I hope")):
        return False
    announced = before.lower().find("final answer")
    return announced < 0 or _ANNOUNCED.fullmatch(before, announced) is not None
