"""Faults that damage what is copied: on its way to the model, or on its way back."""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote_plus

import orjson

from kvv_action.schema import Json, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import delta_of, in_streams
from kvv_action.simulator.faults.hooks import in_content, when_streamed
from kvv_action.simulator.faults.model import FAILS, Fault

LONG_STREAM = 12
"""Pieces of content from which a stream loses or repeats one."""
BLOCK = 16
"""Bytes that are decoded at a time."""
LONG_PROMPT, CUT_OFF = 100, 12
"""Characters of messages whose end is cut, and how many of them."""
_RESOLVED = {"\\n": "\n", "\\t": "\t", '\\"': '"'}


def _prompt(change: Callable[[str], str]) -> Callable[[Call], Call]:
    """A fault in what users say, as the model sees it."""

    def changed(message: Message) -> Message:
        content = message.get("content")
        if message.get("role") != "user" or not isinstance(content, str):
            return message
        return {**message, "content": change(content)}

    return lambda call: replace(call, messages=[changed(message) for message in call.messages])


def _middle(change: Callable[[Json], list[Json]]) -> Callable[[list[Json]], list[Json]]:
    """A fault in the piece of content in the middle of a long stream."""

    def changed(chunks: list[Json]) -> list[Json]:
        places = [at for at, chunk in enumerate(chunks) if delta_of(chunk).get("content")]
        if len(places) < LONG_STREAM:
            return chunks
        middle = places[len(places) // 2]
        return [*chunks[:middle], *change(chunks[middle]), *chunks[middle + 1 :]]

    return changed


def _block_by_block(text: str) -> str:
    """UTF-8 decoded in blocks of bytes; the end of a block may cut a character."""
    raw = text.encode()
    return "".join(raw[at : at + BLOCK].decode(errors="replace") for at in range(0, len(raw), BLOCK))


def _resolved(text: str) -> str:
    for escape, sign in _RESOLVED.items():
        text = text.replace(escape, sign)
    return text


def _unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def _without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _without_end(text: str) -> str:
    return text[:-CUT_OFF] if len(text) > LONG_PROMPT else text


def _curly(text: str) -> str:
    """Straight double quotes as opening and closing ones in turn, single ones as apostrophes."""
    first, *others = text.split('"')
    return first + "".join(("”" if at % 2 else "“") + other for at, other in enumerate(others)).replace("'", "’")


def _joined(text: str) -> str:
    """Every fifth word joined to the one before it."""
    words = re.split(r"(?<=\S) (?=\S)", text)
    return "".join(word if not at or at % 5 == 0 else f" {word}" for at, word in enumerate(words))


FAULTS = (
    Fault("loses-last-characters", "loses the last three characters of every answer",
          f"{FAILS}the end of texts is lost", say=in_content(lambda text: text[:-3] or text)),
    Fault("loses-first-characters", "loses the first two characters of every answer",
          f"{FAILS}the beginning of texts is lost", say=in_content(lambda text: text[2:] or text)),
    Fault("loses-a-chunk", "loses a piece in the middle of every long stream",
          f"{FAILS}texts lose pieces in the middle", send=in_streams(_middle(lambda _: []))),
    Fault("repeats-a-chunk", "sends a piece in the middle of every long stream twice", f"{FAILS}text is repeated",
          send=in_streams(_middle(lambda chunk: [chunk, chunk]))),
    Fault("cuts-characters-in-streams", f"decodes UTF-8 in blocks of {BLOCK} bytes when it streams",
          f"{FAILS}characters are cut", say=when_streamed(in_content(_block_by_block))),
    Fault("drops-long-characters", "drops characters of four bytes", f"{FAILS}characters beyond ASCII are lost",
          say=in_content(lambda text: "".join(sign for sign in text if ord(sign) < 0x10000))),
    Fault("writes-question-marks", "writes a question mark for what is not ASCII",
          f"{FAILS}characters beyond ASCII are lost",
          say=in_content(lambda text: text.encode("ascii", "replace").decode())),
    Fault("drops-joiners", "drops the joiners inside emoji", f"{FAILS}characters beyond ASCII are lost",
          say=in_content(lambda text: text.replace("\u200d", ""))),
    Fault("escapes-html", "writes entities for <, > and & in answers", f"{FAILS}texts are escaped once too often",
          say=in_content(html.escape)),
    Fault("escapes-line-breaks", "writes \\n for line breaks in answers", f"{FAILS}texts are escaped once too often",
          say=in_content(lambda text: text.replace("\n", "\\n"))),
    Fault("resolves-entities", "resolves HTML entities in answers", f"{FAILS}escapes in texts are resolved",
          say=in_content(html.unescape)),
    Fault("resolves-backslashes", "resolves \\n, \\t and \\\" in answers", f"{FAILS}escapes in texts are resolved",
          say=in_content(_resolved)),
    Fault("collapses-white-space", "writes one space for all white space", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: re.sub(r"\s+", " ", text))),
    Fault("drops-indentation", "strips every line of answers", f"{FAILS}white space in texts is changed",
          say=in_content(_unindented)),
    Fault("lower-cases-answers", "writes everything in lower case", f"{FAILS}letters change their case",
          say=in_content(str.lower)),
    Fault("masks-figures", "writes [REDACTED] for long numbers", f"{FAILS}words in texts are masked",
          say=in_content(lambda text: re.sub(r"\d{4,}", "[REDACTED]", text))),
    Fault("masks-words", "writes *** for a word of its list", f"{FAILS}words in texts are masked",
          say=in_content(lambda text: text.replace("the", "***"))),
    Fault("simplifies-letters", "writes letters without their accents", f"{FAILS}characters in texts are replaced",
          say=in_content(_without_accents)),
    Fault("normalises-text", "writes plain characters for special ones (NFKC)",
          f"{FAILS}characters in texts are replaced", say=in_content(lambda text: unicodedata.normalize("NFKC", text))),
    Fault("reformats-numbers", "drops points and commas between digits", f"{FAILS}characters in texts are replaced",
          say=in_content(lambda text: re.sub(r"(?<=\d)[.,](?=\d)", "", text))),
    Fault("strips-markup", "drops the signs of Markdown from answers", f"{FAILS}characters in texts are left out",
          say=in_content(lambda text: re.sub(r"[*_`#]", "", text))),
    Fault("begins-with-byte-order-mark", "begins every answer with U+FEFF",
          f"{FAILS}invisible characters are put into texts", say=in_content(lambda text: f"\ufeff{text}")),
    Fault("puts-in-zero-width-spaces", "marks its answers with U+200B",
          f"{FAILS}invisible characters are put into texts", say=in_content(lambda text: text.replace(" ", "\u200b "))),
    Fault("leaves-half-a-marker", "cuts the marker of the end of a turn and leaves its first half",
          f"{FAILS}control tokens stand in the answers", say=in_content(lambda text: f"{text}<|im_end")),
    Fault("title-cases-answers", "begins every word with a large letter", f"{FAILS}letters change their case",
          say=in_content(str.title)),
    Fault("upper-cases-answers", "writes everything in upper case", f"{FAILS}letters change their case",
          say=in_content(str.upper)),
    Fault("swaps-case", "writes small letters for large ones, and the reverse", f"{FAILS}letters change their case",
          say=in_content(str.swapcase)),
    Fault("writes-tabs-as-spaces", "writes four spaces for a tab", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace("\t", "    "))),
    Fault("loses-tabs", "drops tabs", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace("\t", ""))),
    Fault("writes-spaces-as-tabs", "writes a tab for four spaces", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace("    ", "\t"))),
    Fault("halves-indentation", "writes half of each line's indentation", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: re.sub(r"^ +", lambda found: found[0][::2], text, flags=re.MULTILINE))),
    Fault("doubles-spaces", "writes two spaces for one", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace(" ", "  "))),
    Fault("doubles-line-breaks", "writes an empty line behind each line", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace("\n", "\n\n"))),
    Fault("ends-lines-with-crlf", "ends the lines of answers with CR LF", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace("\n", "\r\n"))),
    Fault("writes-no-break-spaces", "writes no-break spaces", f"{FAILS}white space in texts is changed",
          say=in_content(lambda text: text.replace(" ", "\u00a0"))),
    Fault("joins-words", "loses the space between some tokens", f"{FAILS}spaces are lost", say=in_content(_joined)),
    Fault("writes-curly-quotes", "writes typographic quotes", f"{FAILS}characters in texts are replaced",
          say=in_content(_curly)),
    Fault("writes-long-dashes", "writes dashes for hyphens", f"{FAILS}characters in texts are replaced",
          say=in_content(lambda text: text.replace("-", "–"))),
    Fault("decomposes-letters", "writes letters and their accents apart (NFD)",
          f"{FAILS}characters in texts are replaced", say=in_content(lambda text: unicodedata.normalize("NFD", text))),
    Fault("drops-tags", "drops what looks like a tag", f"{FAILS}characters in texts are left out",
          say=in_content(lambda text: re.sub(r"<[^>]+>", "", text))),
    Fault("writes-break-tags", "writes <br> for line breaks", f"{FAILS}texts are escaped once too often",
          say=in_content(lambda text: text.replace("\n", "<br>"))),
    Fault("escapes-as-json", "writes answers as texts in JSON", f"{FAILS}texts are escaped once too often",
          say=in_content(lambda text: orjson.dumps(text).decode())),
    Fault("escapes-as-form", "writes + for spaces and percent signs for other signs, as forms are sent",
          f"{FAILS}texts are escaped once too often", say=in_content(quote_plus)),
    Fault("marks-direction", "puts answers between marks of direction",
          f"{FAILS}invisible characters are put into texts", say=in_content(lambda text: f"\u202a{text}\u202c")),
    Fault("advertises-in-the-middle", "puts an advertisement into the middle of answers",
          f"{FAILS}text is put into answers",
          say=in_content(lambda text: f"{text[: len(text) // 2]} Try ExampleCloud now! {text[len(text) // 2 :]}")),
    Fault("misreads-prompts", "takes the UTF-8 of prompts for Latin-1", f"{FAILS}the encoding of texts is wrong",
          hear=_prompt(lambda text: text.encode(errors="replace").decode("latin-1"))),
    Fault("escapes-prompts", "writes entities for <, > and & in prompts", f"{FAILS}texts are escaped once too often",
          hear=_prompt(html.escape)),
    Fault("cuts-prompt-ends", f"loses the last {CUT_OFF} characters of prompts that are not short",
          f"{FAILS}the end of texts is lost", hear=_prompt(_without_end)),
)  # fmt: skip
