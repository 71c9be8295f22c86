"""Judges mathematical answers with math-verify, as the program of a worker process; imports nothing of this project.

math-verify guards itself with SIGALRM, which works in a main thread only, and some inputs block it for seconds; hence a
process of its own.
"""

import logging
from typing import Any


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
    """Import the library, which takes up to a minute on a busy machine."""
    logging.disable(logging.CRITICAL)
    import math_verify  # noqa: F401


def answer(request: dict[str, str]) -> dict[str, Any]:
    """Judge `answer` by `target`."""
    try:
        return judge(request["target"], request["answer"])
    except Exception as error:  # noqa: BLE001 - upstream counts every exception of math-verify as wrong
        return {"value": 0.0, "answer": "", "unparsed": True, "error": f"{type(error).__name__}: {error}"[:200]}
