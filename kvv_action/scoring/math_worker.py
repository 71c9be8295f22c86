"""Judges mathematical answers with math-verify, as the program of a worker process; imports nothing of this project.

math-verify guards itself with SIGALRM, which works in a main thread only, and some inputs block it for seconds; hence a
process of its own.

Most answers end in one box with a whole number. These are judged without the library, which takes a hundred times as
long, and is imported when the first other answer comes: `tests/perf/test_math.py` shows that both say the same.
"""

import gc
import logging
import re
import sys
from typing import Any

LONGEST_PLAIN = 20_000
"""Characters of an answer that is judged without the library: on longer ones its own deadlines may decide."""
_NUMBER = r"\d{1,9}"
_TARGET = re.compile(_NUMBER, re.ASCII)
_PLAIN_END = re.compile(rf"\\boxed\{{({_NUMBER})\}}\s*(?:\$\$?|\\\)|\\\])?[\s.*]*\Z", re.ASCII)
"""One whole number in a box, and after it only what ends a formula, a sentence or bold text."""
_ANNOUNCED = re.compile(r"final answer(?P<between>[^$\\\[]*)(?:\$\$?|\\\(|\\\[)?\s*\Z", re.IGNORECASE)
"""What may stand between the words `final answer` and the box: the library also takes formulas from there."""


def plain(target: str, answer: str) -> dict[str, Any] | None:
    """The judgement of an answer whose only box ends it and holds a whole number; None of any other."""
    end = _PLAIN_END.search(answer) if len(answer) <= LONGEST_PLAIN and _TARGET.fullmatch(target) else None
    if end is None or not _is_plain(answer[: end.start()]):
        return None
    return {"value": float(int(end[1]) == int(target)), "answer": end[1], "unparsed": False}


def _is_plain(before: str) -> bool:
    """Whether the library finds nothing before a box that it would take in its place, or together with it."""
    if any(word in before for word in ("boxed", "fbox", "I hope")):
        return False
    announced = before.lower().find("final answer")
    return announced < 0 or _ANNOUNCED.fullmatch(before, announced) is not None


def judge(target: str, answer: str) -> dict[str, Any]:
    r"""Compare an answer with `\boxed{target}` as the Kimi Vendor Verifier does (math-verify, not strict).

    Returns:
        `value` 0 or 1, `answer` as text, `unparsed` when no answer was found.
    """
    from math_verify import parse, verify

    gold = parse("\\boxed{" + target + "}")
    found = parse(answer)
    if not found:
        return {"value": 0.0, "answer": "", "unparsed": True}
    right = bool(gold) and bool(verify(gold, found, strict=False))
    return {"value": float(right), "answer": str(found[-1])[:200], "unparsed": False}


def warm() -> None:
    """Load nothing yet: most answers need no library."""


def load() -> dict[str, Any]:
    """Import the library, which takes up to a minute on a busy machine."""
    logging.disable(logging.CRITICAL)
    gc.disable()  # a library stays: looking for cycles in it takes a fifth of the time to import it
    import math_verify  # noqa: F401

    gc.freeze()
    gc.enable()
    return {}


def answer(request: dict[str, str]) -> dict[str, Any]:
    """Judge `answer` by `target`; `unready` when the library is needed and not loaded, which a request can ask for."""
    if "load" in request:
        return load()
    if found := plain(request["target"], request["answer"]):
        return found
    if "math_verify" not in sys.modules:
        return {"unready": True}
    try:
        return judge(request["target"], request["answer"])
    except Exception as error:  # noqa: BLE001 - upstream counts every exception of math-verify as wrong
        return {"value": 0.0, "answer": "", "unparsed": True, "error": f"{type(error).__name__}: {error}"[:200]}
