"""Text that was damaged on its way, or that is no text."""

import re
import string
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from operator import eq

from kvv_action.causes import Cause
from kvv_action.schema import Severity
from kvv_action.verdict.checks.markers import REPLACEMENT
from kvv_action.verdict.checks.sightings import LOOKED, Rule, SeenAnswer, Sign, ends_of, is_json, of_beginnings, period

CUT_TAIL = 4
"""Characters at the end of an answer that was cut by length, in which half a character is no damage."""
BROKEN_TEXT = frozenset({"lone-surrogate", "invalid-utf8"})
_LONE_ESCAPE = re.compile(
    r"(?<!\\)(?:\\\\)*(?:\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f][0-9a-f]{2}|\\ufffd)",
    re.IGNORECASE,
)
"""In arguments, which are JSON as text: half of a surrogate pair, or the replacement character, as an escape."""
_LATER = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xC0)) + "".join(
    map(chr, range(0x80, 0xC0))
)
_LATER_CLASS = f"[{re.escape(_LATER)}]"
_MOJIBAKE = re.compile(
    f"[\u00c2-\u00df]{_LATER_CLASS}|[\u00e0-\u00ef]{_LATER_CLASS}{{2}}|[\u00f0-\u00f4]{_LATER_CLASS}{{2,3}}"
)
"""The bytes of one UTF-8 character, each read as one of Latin-1 or Windows-1252."""
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_VOCABULARY = re.compile(r"\wĠ|[^\W\d_]Ċ|▁[^\W\d_]|<0x[0-9A-F]{2}>")
"""How vocabularies write a space, a line break or a byte."""
_WORD = re.compile(r"[^\W\d_]+")
_SMALL = string.ascii_lowercase.encode()
_AS_X = bytes(b"x"[0] if code in _SMALL else b" "[0] for code in range(256))
_AS_WORDS = bytes(code if code in _SMALL else b" "[0] for code in bytes(range(256)).lower())
"""Put a space in the place of all but small letters, which the first writes as x; the second makes large ones small."""
_STUTTER = re.compile(r"(?<![\w\\{<&])([^\W\d_]{2,40})(?:[ \t]+\1){2,}(?!\w)", re.IGNORECASE)
_STUTTER_CJK = re.compile(r"(?=(.)(?!\1))([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]{2,8}?)\2{2,}")
_IN_ONE_CASE = frozenset("\u0130\u03a3")
"""Letters whose small form in a word is not the one that patterns compare by."""
ECHOED = 8
"""Characters by which what stands in the request is known again."""
LONGEST_PHRASE = 8
"""Words of a phrase whose repetition is looked for."""
REPEATED_SHARE, REPEATED_LEAST = 0.5, 6
"""Share of the words, and number, from which repeated phrases are no style; one of 12 815 real texts has so many."""
TWICE_LOOKED, TWICE_PIECE, TWICE_SIGNS = 2000, 200, 8
"""Characters that are taken apart into pieces that come twice, longest piece, and different ones of a text."""
LOOP_UNIT, LOOP_TIMES, LOOP_LEAST = 40, 16, 32
"""A loop: at most so many characters, so often one after the other up to the end, and at least so long in all."""
LONG_UNIT, LONG_TIMES = 400, 10
"""The same for sentences and paragraphs."""
RUN = re.compile(r"([^\w\s=*.|#~+<>/\\`'\"^:;,%$&-]|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])\1{99,}")
"""One sign a hundred times, anywhere in a text; not those that tables, rulers and dumps are drawn with."""
RUN_STEP, _ALIKE = 25, re.compile(r"(.)\1{3}", re.DOTALL)
"""Of every 25th sign of a text, those of such a run are four that are alike."""
TAIL = 16
"""Characters by which the period of a loop is found."""
LAYOUT = " \n\t-=_*.|#~+"
"""Characters that lines and tables repeat."""
DOUBLED_LEAST, APART_LEAST = 16, 40
"""Characters from which it is no accident that a text comes twice; and where white space stands between."""
GLUED = re.compile(r"(?<![a-z0-9/+.@=_-])[a-z]{28,}(?![\w/+=-])")
"""More letters than the longest words have."""
GLUED_SIGNS, GLUED_LEAST = 8, b"x" * 28
HEADLESS = re.compile(r" [a-z]|[,;:!?)\]}][ \n]|\.[ \n]")
"""How a text begins whose first token is gone; none of 12 815 real texts but two pieces of logs begins so."""
OPENINGS = ("{", '{"', "[", "[{", '"')
GLANCE = 64
"""Characters that nearly always show more than a few different signs."""
CUMULATIVE_HEADS, CUMULATIVE_TRIED = (6, 2), 32
"""Characters by which the beginning of a text is known again, and how many places are tried."""
BEGUN, _BEGUN_TWICE = 6, re.compile(r"(.{1,5})\1", re.DOTALL)
"""Shorter beginnings that stand there twice are found by a pattern, others by these characters."""
SCRIPTS = (
    (0x0041, 0x024F), (0x0370, 0x03FF), (0x0400, 0x052F), (0x0590, 0x07FF), (0x0900, 0x0E7F), (0x10A0, 0x10FF),
)  # fmt: skip
"""Scripts whose letters do not stand in one word: Latin, Greek, Cyrillic, Semitic, Indic and Thai, Georgian."""
CLOSELY, MIXED_WORDS = 4000, 4
STUTTER_SHARE = 0.02
"""Share of answers from which these fail the run: people and models do say a word three times now and then, and texts
that are doubled exist (10 of the 500 reports of bugs of SWE-bench Verified)."""
_REPEATING = re.compile(r"\b(?:repeat(?:s|ed|ing)?|times|count (?:to|from|up|down)|echo)\b|重复|遍|次数", re.IGNORECASE)
_REPEATING_WORDS = ("repeat", "times", "count ", "echo", "重复", "遍", "次数")
"""One of these is in every request that the pattern matches; looking for them takes a twentieth of its time."""

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
VOCABULARY = Cause(
    id="text-vocabulary-marks",
    sentence="answers hold the vocabulary's own marks for spaces or bytes: tokens are joined, not decoded",
    remedy="decode tokens with the tokenizer of this model, not by looking them up in its vocabulary",
)
GLUED_WORDS = Cause(
    id="text-spaces-lost",
    sentence="text is damaged: the spaces between words are lost",
    remedy="do not strip the pieces of a stream; decode tokens with what stands before them",
)
HEAD_LOST = Cause(
    id="text-head-lost",
    sentence="text is damaged: the beginning of answers is lost",
    remedy="look for the first chunk being dropped: where role and content come together, or thinking ends",
    explains=("answer-in-reasoning", "answers-empty", "calls-lost"),
    seldom_shown=True,
)
LONGER = ("usage-too-few", "usage-without-reasoning")
"""Symptoms of text that holds more than the model wrote."""
STUTTER = Cause(
    id="text-repeated",
    sentence="text is damaged: words are repeated",
    remedy="look for chunks that are sent twice (retries, merges in a gateway), and for a broken key-value cache",
    explains=LONGER,
)
DOUBLED = Cause(
    id="text-doubled",
    sentence="text is damaged: answers hold their whole text twice",
    remedy="look for a gateway that sends the reassembled text after the stream, or joins deltas with messages",
    explains=(STUTTER.id, *LONGER),
)
CUMULATIVE_TEXT = Cause(
    id="text-cumulative",
    sentence="each chunk of a stream holds all text so far, and clients join them",
    remedy="send only what is new in each delta",
    explains=(STUTTER.id, DOUBLED.id, *LONGER),
)
NO_LANGUAGE = Cause(
    id="not-language",
    sentence="answers are not language: pieces of words of many scripts",
    remedy="check that weights, tokenizer and their quantisation belong together, and compare at greedy decoding",
    explains=("output-capped", "length-too-early", "text-head-lost"),
)
LOOP = Cause(
    id="degenerate-loop",
    sentence="thinking, or answers that their length ended, go on in a loop of the same characters",
    remedy="compare with the official endpoint at the same sampling; check temperature, penalties and precision",
)
DEGENERATE = Cause(
    id="degenerate-output",
    sentence="answers degenerate into repeating the same characters",
    remedy=(
        "check weights and kernels: NaN or overflow in low precision, wrong scales of quantised weights or cache, a "
        "wrong attention kernel"
    ),
    switches={"vLLM": "--kv-cache-dtype auto, --dtype bfloat16, --enforce-eager to compare"},
    explains=("length-too-early", "output-capped", LOOP.id, STUTTER.id, "answer-in-reasoning"),
)
CAUSES = (
    CUT_CHARACTERS, MOJIBAKE, VOCABULARY, GLUED_WORDS, HEAD_LOST, STUTTER, DOUBLED, CUMULATIVE_TEXT, NO_LANGUAGE,
    DEGENERATE, LOOP,
)  # fmt: skip
RULES = {
    STUTTER.id: Rule(least=STUTTER_SHARE),
    DOUBLED.id: Rule(least=STUTTER_SHARE),
    HEAD_LOST.id: Rule(least=STUTTER_SHARE),
    GLUED_WORDS.id: Rule(least=STUTTER_SHARE),
    LOOP.id: Rule(severity=Severity.WARNING),
}


def damage_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Traces of broken delivery and of broken arithmetic in content and reasoning."""
    text, thought = ends_of(answer.completion.content), ends_of(answer.completion.reasoning)
    if shown := _half_characters(answer):
        yield Sign(cause=CUT_CHARACTERS, shown=shown)
    for cause, signs in _DECODED_ASCII if text.isascii() and thought.isascii() else _DECODED:
        for part in (text, thought):
            if (shown := signs(part)) and shown[:ECHOED] not in answer.request:
                yield Sign(cause=cause, shown=shown)
                break
    if (glued := _glued(text)) and len(set(glued[0])) >= GLUED_SIGNS and glued[0] not in answer.request:
        yield Sign(cause=GLUED_WORDS, shown=glued[0])
    if not answer.is_fragment and _headless(text, answer):
        yield Sign(cause=HEAD_LOST, shown=text[:100])
    for sign in _repetitions(text, answer):
        if not _asks_for_repetition(answer.request):
            yield sign


def _asks_for_repetition(request: str) -> bool:
    """Whether the answer may rightly say something more than once."""
    small = request.casefold()
    return any(word in small for word in _REPEATING_WORDS) and _REPEATING.search(request) is not None


def _repetitions(text: str, answer: SeenAnswer) -> Iterator[Sign]:
    """What is said more than once; nothing else is looked for where one of them is found."""
    completion = answer.completion
    content, thought = looped(text), looped(ends_of(completion.reasoning))
    cut = completion.finish_reason in ("length", "repeat")
    if content or thought:
        nothing_else = _only_loop(completion.content or completion.reasoning)
        failing = (content and not cut) or nothing_else
        yield Sign(cause=DEGENERATE if failing else LOOP, shown=content or thought)
        return
    whole = completion.content
    if run := _run(text):
        yield Sign(cause=DEGENERATE, shown=text[max(0, run.start() - 40) : run.start() + 40])
    elif is_cumulative(whole):
        yield Sign(cause=CUMULATIVE_TEXT, shown=whole)
    elif is_doubled(whole):
        yield Sign(cause=DOUBLED, shown=whole)
    elif shown := repeated_words(text, answer.request):
        yield Sign(cause=STUTTER, shown=shown)


def _glued(text: str) -> re.Match[str] | None:
    """More small letters one after the other than the longest words have."""
    return GLUED.search(text) if GLUED_LEAST in text.encode(errors="replace").translate(_AS_X) else None


def _run(text: str) -> re.Match[str] | None:
    """One sign a hundred times."""
    return RUN.search(text) if _ALIKE.search(text[::RUN_STEP]) else None


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
    for call in completion.tool_calls:
        if "\\u" in call.arguments and (found := _LONE_ESCAPE.search(ends_of(call.arguments))):
            return call.arguments[max(0, found.start() - 40) : found.end() + 40]
    return ", ".join(sorted(BROKEN_TEXT & set(completion.anomalies)))


def _misread(text: str) -> str:
    """UTF-8 that was read as Latin-1 or Windows-1252; nearly all signs beyond ASCII are of that kind then."""
    text = text[:CLOSELY]
    if text.isascii():
        return ""
    found = [match for match in _MOJIBAKE.finditer(text) if _is_utf8(match[0])]
    signs = len(_BEYOND_ASCII.findall(text))
    if len(found) < 2 or 2 * sum(len(match[0]) for match in found) < signs:
        return ""
    return text[found[0].start() : found[0].start() + 80]


def _is_utf8(text: str) -> bool:
    try:
        raw = b"".join(sign.encode("latin-1" if ord(sign) < 0x100 else "cp1252") for sign in text)
        raw.decode()
    except UnicodeError:
        return len(text) == 3 and ord(text[0]) >= 0xF0  # a byte that Windows-1252 does not know is gone
    return True


def _undecoded(text: str) -> str:
    """Where the marks of a vocabulary stand, at least three of them."""
    if "<0x" not in text and (text.isascii() or not any(mark in text for mark in ("Ġ", "Ċ", "▁"))):
        return ""
    found = [match.start() for match in _VOCABULARY.finditer(text)]
    return text[found[0] : found[0] + 80] if len(found) >= 3 else ""


def _mixed(text: str) -> str:
    """A word that is made of several scripts, where the text has some of them and three scripts or more."""
    text = text[:CLOSELY]
    if text.isascii():
        return ""
    scripts, words = set[int](), []
    for word in _WORD.findall(text):
        own = {script for script in map(_script, word) if script is not None}
        scripts |= own
        if len(own) > 1 and len(word) > 3:
            words.append(word)
    return " ".join(words) if len(words) >= MIXED_WORDS and len(scripts) >= 3 else ""


_DECODED_ASCII = ((VOCABULARY, _undecoded),)
_DECODED = ((MOJIBAKE, _misread), *_DECODED_ASCII, (NO_LANGUAGE, _mixed))
"""What shows that texts were decoded wrongly, and what of it plain ASCII can show."""


def _script(letter: str) -> int | None:
    code = ord(letter)
    return next((number for number, (low, high) in enumerate(SCRIPTS) if low <= code <= high), None)


def _headless(text: str, answer: SeenAnswer) -> bool:
    """Whether the beginning of the content is missing."""
    if answer.asks_json and text[:1] not in ("{", "[", "`", "") and text.rstrip()[-1:] in ("}", "]", '"'):
        return not is_json(text) and any(is_json(opening + text) for opening in OPENINGS)
    return HEADLESS.match(text) is not None and text.strip() not in answer.request


def repeated_words(text: str, request: str) -> str:
    """A word three times in a row, or phrases that are repeated over much of a text; empty for neither."""
    lines = _lines(text) if len(text) >= CLOSELY else [text]
    words = _words("\n".join(lines))
    doubled = sum(map(eq, words, islice(words, 1, None)))
    thrice = doubled > 1 and b"\1\1" in bytes(map(eq, words, islice(words, 1, None)))
    for found in _stutters(text, lines, thrice=thrice):
        unit = found.group(found.lastindex or 0)
        if not any(f"{unit}{space}{unit}".lower() in request.lower() for space in ("", " ")):
            return text[max(0, found.start() - 60) : found.end() + 60]
    if _in_pairs(text.strip()[:TWICE_LOOKED]):
        return text
    least = max(REPEATED_LEAST, REPEATED_SHARE * len(words))
    may_be = _said_before(words, doubled) >= least
    return text if may_be and sum(_said_again(_words(line)) for line in _lines(text)) >= least else ""


def _lines(text: str) -> list[str]:
    """The lines of a text that hold something, and of long ones the beginning."""
    return [line[:CLOSELY] for line in text.splitlines() if line]


def _stutters(text: str, lines: Sequence[str], *, thrice: bool) -> Iterator[re.Match[str]]:
    """Words that stand three times in a row; where no line was cut and no word comes `thrice`, there are none."""
    plain = text.isascii()
    if thrice or any(len(line) == CLOSELY for line in lines) or not (plain or _IN_ONE_CASE.isdisjoint(text)):
        yield from _STUTTER.finditer(text)
    if not plain:
        yield from _STUTTER_CJK.finditer(text)


def _said_before(words: Sequence[str], doubled: int) -> int:
    """At most so many words of a text repeat the phrase before them; from counts alone.

    Each of these words stands earlier in the text, too. It equals the word before it (there are `doubled` such words),
    or it is one of the two words of a pair that stands earlier in the text.
    """
    again = len(words) - len(set(words))
    if again < max(REPEATED_LEAST, REPEATED_SHARE * len(words)):
        return again
    return min(again, 2 * (len(words) - 1 - len(set(pairwise(words)))) + doubled)


def _words(text: str) -> list[str]:
    """The words of a text in small letters."""
    if text.isascii():
        return text.encode().translate(_AS_WORDS).decode().split()
    return [word.lower() for word in _WORD.findall(text)]


def _varied(text: str) -> bool:
    """Whether a text has more than a few different signs."""
    return len(set(text[:GLANCE])) >= TWICE_SIGNS or len(set(text)) >= TWICE_SIGNS


def _in_pairs(text: str) -> bool:
    """Whether a text is nothing but pieces that come twice, one pair after the other."""
    lines = text.splitlines() if _begins_twice(text[: 2 * TWICE_PIECE]) else []
    if not lines or not _varied(text) or any(map(eq, lines, islice(lines, 1, None))):
        return False  # too few signs, or a log whose lines are alike
    ends, seen = [0], {0}
    while ends:
        at = ends.pop()
        if at > len(text) - 2 or (len(text) == TWICE_LOOKED and at > TWICE_LOOKED - 2 * TWICE_PIECE):
            return at == len(text) or len(text) == TWICE_LOOKED
        for size in _sizes(text, at, min(TWICE_PIECE, (len(text) - at) // 2)):
            end = at + 2 * size
            if end not in seen and text[at : at + size] == text[at + size : end]:
                seen.add(end)
                ends.append(end)
    return False


def _sizes(text: str, at: int, most: int) -> Iterator[int]:
    """How long a piece at a place may be that comes twice, by its first two signs; the longest first."""
    pair = text[at : at + 2]
    place = text.rfind(pair, at + 2, at + most + 2)
    while place >= 0:
        yield place - at
        place = text.rfind(pair, at + 2, place + 1)
    if text[at] == text[at + 1]:
        yield 1


def _said_again(words: Sequence[str]) -> int:
    """Words of a line that belong to a phrase which was said just before."""
    covered = set[int]()
    if len(words) < REPEATED_LEAST:
        return 0
    for size in range(1, LONGEST_PHRASE + 1):
        if b"\1" * size not in bytes(map(eq, words[size:], words)):
            continue  # no phrase of this size stands twice in a row
        run = 0
        for at in range(size, len(words)):
            run = run + 1 if words[at] == words[at - size] else 0
            if run >= size and len({*words[at - size + 1 : at + 1]}) > size // 2 and len(words[at]) > 1:
                covered.update(range(at - size + 1, at + 1))
    distinct = len({words[at] for at in covered})
    return len(covered) if distinct >= REPEATED_LEAST // 2 else 0


def is_cumulative(text: str) -> bool:
    """Whether a text is made of growing beginnings of itself; the last of them is whole."""
    if not _begins_twice(text) or not _varied(text[:CLOSELY]):
        return False
    for head in CUMULATIVE_HEADS:
        start = len(text)
        for _ in range(CUMULATIVE_TRIED):
            start = text.rfind(text[:head], 1, start + head - 1)
            if start <= 0:
                break
            whole = text[start:]
            if of_beginnings(text[:start], whole) > 1:
                return True
    return False


def _begins_twice(text: str) -> bool:
    """Whether a text begins with something twice in a row; also true where too many places would have to be tried."""
    if _BEGUN_TWICE.match(text):
        return True
    at, beginning = BEGUN - 1, text[:BEGUN]
    for _ in range(CUMULATIVE_TRIED):
        at = text.find(beginning, at + 1, len(text) // 2 + BEGUN)
        if at < 0 or text.startswith(text[:at], at):
            return at >= 0
    return True


def is_doubled(text: str) -> bool:
    """Whether a text is another one several times, or twice with white space between."""
    size = period(text) if len(text) >= 2 * DOUBLED_LEAST else 0
    if size >= DOUBLED_LEAST:
        return len(set(text[:size])) >= DOUBLED_LEAST // 2 and not _periodic(text[:size]) and "\n" not in text[size - 1]
    for between in (1, 2, 3):
        half = (len(text) - between) // 2
        if half >= APART_LEAST and text[:half] == text[-half:] and not text[half:-half].strip():
            return not _periodic(text[:half])
    return False


def _periodic(text: str) -> bool:
    """Whether lines of a text are all alike, as those of logs are."""
    lines = [line for line in text[:LOOKED].splitlines() if line]
    return 2 * len(set(lines)) < len(lines) or not lines


def _only_loop(text: str) -> bool:
    """Whether a text is nothing but a loop of few characters."""
    text = text.strip()
    return len(text) >= LOOP_LEAST and len(set(text[:LOOKED])) <= 2 and bool(looped(text))


def looped(text: str) -> str:
    """The end of a text that repeats the same unit up to its end; empty where it does not."""
    text = text[-LONG_UNIT * (LONG_TIMES + 1) :].rstrip()
    size = _period(text)
    times = LOOP_TIMES if size <= LOOP_UNIT else LONG_TIMES
    if not size or size * max(times, -(-LOOP_LEAST // size)) > len(text):
        return ""
    length = size * max(times, -(-LOOP_LEAST // size))
    periodic = text[-length:-size] == text[-length + size :]
    lines = size > LOOP_UNIT and "\n" in text[-size:]  # logs repeat lines
    return text[-80:] if periodic and not lines and text[-size:].strip(LAYOUT) else ""


def _period(text: str) -> int:
    """After how many characters the end of a text stands before itself; 0 for no period that is looked for."""
    tail = text[-TAIL:]
    before = len(text) - len(tail)
    for _ in range(LONG_UNIT // TAIL):
        before = text.rfind(tail, 0, before + len(tail) - 1)
        size = len(text) - len(tail) - before
        if before < 0 or size > LONG_UNIT:
            return 0
        if text[-2 * size : -size] == text[-size:]:
            return size
    return 0
