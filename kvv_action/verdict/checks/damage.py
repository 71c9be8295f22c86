"""Text that was damaged on its way, or that is no text."""

import re
from collections.abc import Iterator

from kvv_action.causes import Cause
from kvv_action.schema import Severity
from kvv_action.verdict.checks.markers import REPLACEMENT
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sign

CUT_TAIL = 4
"""Characters at the end of an answer that was cut by length, in which half a character is no damage."""
BROKEN_TEXT = frozenset({"lone-surrogate", "invalid-utf8"})
_MOJIBAKE = re.compile(
    r"(?:\u00c3[\u0080-\u00bf]|\u00e2\u20ac[\u0080-\u00bf\u2018-\u2122\u0152-\u017e]|\u00e4\u00b8[\u0080-\u00bf])"
)
_STUTTER = re.compile(r"(?<![\w\\{<&])([A-Za-z]{2,}|[\u4e00-\u9fff]{2,4})(?:[ \t]+\1){2,}(?![\w])", re.IGNORECASE)
LOOP_UNIT, LOOP_TIMES, LOOP_LEAST = 40, 16, 32
"""A loop: at most so many characters, so often one after the other up to the end, and at least so long in all."""
LAYOUT = " \n\t-=_*.|#~+"
"""Characters that lines and tables repeat."""
DOUBLED_LEAST = 40
"""Characters from which the half of an answer is no accident."""
STUTTER_SHARE = 0.02
"""Share of answers from which repeated words fail the run: people and models do say a word three times now and then."""
_REPEATING = re.compile(r"repeat|times|count|echo|重复|遍", re.IGNORECASE)

CUT_CHARACTERS = Cause(
    id="text-cut-characters",
    sentence="characters are damaged on the way: answers hold the replacement character U+FFFD, or half characters",
    remedy="decode UTF-8 over the whole answer, not chunk by chunk; hold incomplete bytes back",
)
MOJIBAKE = Cause(
    id="text-wrong-encoding",
    sentence="UTF-8 text is decoded as Latin-1 on the way",
    remedy="look for a gateway or client library that guesses the encoding; send charset=utf-8",
)
STUTTER = Cause(
    id="text-repeated",
    sentence="text is damaged: words are repeated",
    remedy="look for chunks that are sent twice (retries, merges in a gateway), and for a broken key-value cache",
)
DOUBLED = Cause(
    id="text-doubled",
    sentence="text is damaged: answers hold their whole text twice",
    remedy="look for a gateway that sends the reassembled text after the stream, or joins deltas with messages",
)
DEGENERATE = Cause(
    id="degenerate-output",
    sentence="answers degenerate into repeating the same characters",
    remedy=(
        "check weights and kernels: NaN or overflow in low precision, wrong scales of quantised weights or cache, a "
        "wrong attention kernel"
    ),
    switches={"vLLM": "--kv-cache-dtype auto, --dtype bfloat16, --enforce-eager to compare"},
    explains=("length-cut",),
)


LOOP = Cause(
    id="degenerate-loop",
    sentence="thinking, or answers that their length ended, go on in a loop of the same characters",
    remedy="compare with the official endpoint at the same sampling; check temperature, penalties and precision",
)
CAUSES = (CUT_CHARACTERS, MOJIBAKE, STUTTER, DOUBLED, DEGENERATE, LOOP)
RULES = {STUTTER.id: Rule(least=STUTTER_SHARE), LOOP.id: Rule(severity=Severity.WARNING)}


def damage_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Traces of broken delivery and of broken arithmetic in content and reasoning."""
    text = answer.completion.content
    if shown := _half_characters(answer):
        yield Sign(cause=CUT_CHARACTERS, shown=shown)
    if len(_MOJIBAKE.findall(text)) >= 2 and not _MOJIBAKE.search(answer.request):
        yield Sign(cause=MOJIBAKE, shown=text)
    if _REPEATING.search(answer.request):
        return
    if (found := _STUTTER.search(text)) and not _stands_in(found.group(1), answer.request):
        yield Sign(cause=STUTTER, shown=text[max(0, found.start() - 60) :])
    half = len(text) // 2
    if half >= DOUBLED_LEAST and text[:half] in (text[half:], text[half + 1 :]):
        yield Sign(cause=DOUBLED, shown=text)
    if found_loop := _looped(text):
        cause = LOOP if answer.completion.finish_reason == "length" else DEGENERATE
        yield Sign(cause=cause, shown=found_loop)
    elif found_loop := _looped(answer.completion.reasoning):
        yield Sign(cause=LOOP, shown=found_loop)


def _half_characters(answer: SeenAnswer) -> str:
    """Where characters are damaged; empty where they are not, or may stand so in the request."""
    completion = answer.completion
    if REPLACEMENT in answer.echo:
        return ""
    cut = completion.finish_reason == "length"
    for text in (completion.content, completion.reasoning, *(call.arguments for call in completion.tool_calls)):
        place = text.find(REPLACEMENT)
        if place >= 0 and not (cut and place >= len(text) - CUT_TAIL):
            return text[max(0, place - 40) : place + 40]
    return ", ".join(sorted(BROKEN_TEXT & set(completion.anomalies)))


def _stands_in(word: str, request: str) -> bool:
    return f"{word} {word}".lower() in request.lower()


def _looped(text: str) -> str:
    """The end of a text that repeats the same few characters up to its end; empty where it does not."""
    text = text[-2 * LOOP_UNIT * LOOP_TIMES :].rstrip()
    for size in range(1, LOOP_UNIT + 1):
        unit, times = text[-size:], max(LOOP_TIMES, -(-LOOP_LEAST // size))
        if len(text) >= size * times and text.endswith(unit * times):
            return text[-80:] if unit.strip(LAYOUT) else ""
    return ""
