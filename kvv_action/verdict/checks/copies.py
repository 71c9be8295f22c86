"""Compares a copy with the text that was to be copied, and names the damage where the copy is plainly a damaged one.

A model may write more than the copy (a greeting, a code fence, quotes) and may write some signs another way (curly
quotes, dashes, composed letters). None of that is damage, and neither is a text that is simply another one. Damage is
named only where all differences together are what one defect makes.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from urllib.parse import unquote, unquote_plus

from kvv_action.verdict.checks.damage import is_cumulative
from kvv_action.verdict.checks.markers import KNOWN, ROLES, SUSPICIOUS


class CopyKind(StrEnum):
    """How a copy compares with its text."""

    EXACT = "exact"
    OTHER = "other"
    HEAD_LOST = "head lost"
    TAIL_LOST = "tail lost"
    MIDDLE_LOST = "middle lost"
    REPEATED = "repeated"
    DOUBLED = "doubled"
    CUMULATIVE = "cumulative"
    CUT_CHARACTERS = "cut characters"
    SIGNS_LOST = "signs lost"
    WRONG_ENCODING = "wrong encoding"
    ESCAPED = "escaped"
    UNESCAPED = "unescaped"
    WHITE_SPACE = "white space"
    SPACES_LOST = "spaces lost"
    CASE = "case"
    VOCABULARY = "vocabulary"
    MARKER = "marker"
    OTHER_MARKER = "other marker"
    REPLACED = "signs replaced"
    MASKED = "masked"
    UNSEEN = "unseen signs"
    ADDED = "text put in"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCopy:
    """How a copy compares; `shown` is the place of the difference, for people."""

    kind: CopyKind
    shown: str = ""

    @property
    def damaged(self) -> bool:
        """Whether the text was copied and the copy is damaged."""
        return self.kind not in (CopyKind.EXACT, CopyKind.OTHER)


MOST_TIMES, MOST_MORE = 4, 4000
"""A copy up to so many times as long as its text, and so many characters more, is looked at."""
LEAST_KEPT, PLAIN = 0.5, 200
"""Share of a text, or number of its characters, that a cut copy must have to be one."""
MOST_DECODED = 4
"""How often a text is decoded: it may have been escaped more than once."""
FEWEST = 3
"""Characters of a copy, or of a piece of it between two losses, from which it can be told from another text."""
MOST_GAPS, MOST_REPEATS = 12, 2000
AROUND = 12
"""Characters around a copy that are no greeting where they stand in the text itself."""
SHOWN = 40
ENCODINGS = ("latin-1", "cp1252", "gbk", "shift_jis", "cp437", "mac_roman")
"""What UTF-8 is taken for by mistake."""
REPLACEMENT = "\ufffd"
_QUOTES_OF_TYPE = {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"'} | dict.fromkeys(
    "\u2018\u2019\u201a", "'"
)
TYPOGRAPHIC: Mapping[str, str] = _QUOTES_OF_TYPE | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
"""Typographic quotes and dashes, with the sign of ASCII that each stands for."""
_WRITTEN_ALIKE = str.maketrans({
    **_QUOTES_OF_TYPE, **dict.fromkeys("\u2011\u2013\u2014", "-"), "\u2026": "...", "\u00a0": " ",
    **dict.fromkeys("\ufe0e\ufe0f\u200b\ufeff", ""),
})  # fmt: skip
"""Signs that models write in several ways."""
_BARE_BREAK = re.compile(r"(?<!\r)\n")
_FENCE = re.compile(r"(`{3,}|~{3,})[^\n`]*\n(.*?)\n?[ \t]*\1", re.DOTALL)
_OPEN_FENCE = re.compile(r"\A(?:[^\n]{0,200}:[ \t]*\n+)?(?:`{3,}|~{3,})[^\n`]*\n")
_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("**", "**"))
_GREETING = re.compile(r"\A[^\n]{0,200}:[ \t]*\n+")
_UNSEEN = dict.fromkeys(map(ord, "\ufe0e\ufe0f\u200b\ufeff"))
"""What no reader sees, and models leave out or put in."""
_PUT_IN = re.compile("[\u200b\u00ad\u2060\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
FEWEST_PUT_IN = 3
"""Signs that no reader sees, and how many of them inside a text are no slip."""
_MASK = re.compile(r"\[[A-Z][A-Z_ ]{2,40}\]|<[A-Z][A-Z_]{2,40}>|\*{3,}|#{3,}|█{2,}|X{4,}")
"""What filters of personal data and of words leave."""
MOST_MASKS, MOST_MASKED = 100, 80
"""Masks in a copy, and characters under one of them."""
_SEPARATOR = re.compile(r"(?<=\d)[.,](?=\d)")
FEWEST_REPLACED, LEAST_RECASED = 3, 0.05
"""Places from which the same change of a sign everywhere is no slip of the pen; share of letters for their case."""
LEAST_ADDED, MOST_ADDED = 8, 400
"""Characters of a text that was put into a copy."""
_BEFORE_SIGN = re.compile(r"(\s*)\S")
_BREAK, _TAG, _LOOSE_TAG = re.compile(r"<br ?/?>\n?"), re.compile(r"</?[A-Za-z!][^>\n]*>"), re.compile(r"<[^>]+>")
_END_OF_LINE = re.compile(r"[ \t]+$", re.MULTILINE)
_RUN = re.compile(r"[^\x00-\x7f]+")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SLASHED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U000([0-9a-fA-F]{5})|(.))")
_SLASHES = {"n": "\n", "t": "\t", "r": "\r"}


def compared(wanted: str, got: str) -> ComparedCopy:
    """Compare a copy with its text, as the module says."""
    if len(got) > MOST_TIMES * len(wanted) + MOST_MORE:
        got = got[: MOST_TIMES * len(wanted) + MOST_MORE]
    text = folded(wanted)
    found = _around(text, folded(got))
    if inserted := _unseen(wanted, got):
        return inserted
    if found.kind is not CopyKind.OTHER:
        return found
    if beyond := _beyond_ascii(text, got):
        return beyond
    for core, unseen in _cores(got):
        looked = (look(text, core) for look in _LOOKS) if len(core) >= FEWEST else ()
        if damage := next((one for one in looked if one and one.kind not in unseen), None):
            return damage
    return found


def restyled(text: str, got: str, *, code: bool) -> ComparedCopy | None:
    """A copy that differs only by a way to write signs that no model keeps up over a whole text; else None.

    Line breaks as CR LF, no-break spaces for all spaces, letters in pieces (NFD); in code, where models keep to what
    they copy, typographic quotes and dashes as well.
    """
    if "\n" in text and "\r\n" in got and not _BARE_BREAK.search(got):
        return ComparedCopy(kind=CopyKind.WHITE_SPACE, shown=got[max(0, got.index("\r") - 10) :][:SHOWN])
    if " " in text and "\u00a0" in got and " " not in got:
        return _differing(CopyKind.WHITE_SPACE, text, got)
    if unicodedata.normalize("NFD", got) == got != unicodedata.normalize("NFC", got):
        return _differing(CopyKind.REPLACED, text, got)
    for other, sign in TYPOGRAPHIC.items() if code else ():
        if text.count(sign) >= FEWEST_REPLACED and sign not in got and other in got:
            return _differing(CopyKind.REPLACED, text, got)
    return None


def folded(text: str) -> str:
    """A text without what models write in several ways."""
    text = unicodedata.normalize("NFC", text.translate(_WRITTEN_ALIKE)).replace("\r\n", "\n")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _unseen(wanted: str, got: str) -> ComparedCopy | None:
    """Signs that no reader sees, put into a copy; joiners and variants of emoji are none of them."""
    marked = _PUT_IN.match(got[:1]) or _PUT_IN.match(got[-1:]) or len(_PUT_IN.findall(got)) >= FEWEST_PUT_IN
    if not marked or _PUT_IN.search(wanted):
        return None
    plain = _around(folded(wanted), folded(_PUT_IN.sub("", got)))
    return ComparedCopy(kind=CopyKind.UNSEEN, shown=got[:SHOWN]) if plain.kind is CopyKind.EXACT else None


def _cores(got: str) -> Iterator[tuple[str, frozenset[CopyKind]]]:
    """What of an answer may be the copy, and which losses it would not show.

    All of it may be; or what quotes hold; what follows a greeting, which would have lost its own beginning; what a
    fence holds, which would have lost its own ends.
    """
    whole = folded(got)
    head, ends = frozenset({CopyKind.HEAD_LOST}), frozenset({CopyKind.HEAD_LOST, CopyKind.TAIL_LOST})
    yield whole, frozenset()
    for opening, closing in _QUOTES:
        if whole.startswith(opening) and whole.endswith(closing) and len(whole) > len(opening + closing):
            yield whole[len(opening) : len(whole) - len(closing)], ends
    yield from ((folded(match[2]), ends) for match in _FENCE.finditer(whole))
    for begins in (_GREETING, _OPEN_FENCE):
        if rest := begins.sub("", whole, 1):
            yield rest, head


def _around(text: str, got: str) -> ComparedCopy:
    """The whole text, and what stands around it: nothing, words of the model, a marker, or the text again."""
    start = got.rfind(text)
    if start < 0:
        return ComparedCopy(kind=CopyKind.OTHER, shown=got[:SHOWN])
    before, after = got[:start].strip(), got[start + len(text) :].strip()
    for rest in (before, after):
        if rest and _without_markers(rest) == "":
            return _leaked(rest)
    if before == text:
        return ComparedCopy(kind=CopyKind.DOUBLED, shown=got[start - SHOWN : start + SHOWN])
    if len(before) >= AROUND and is_cumulative(got):
        return ComparedCopy(kind=CopyKind.CUMULATIVE, shown=before[:SHOWN])
    again = next((rest for rest in (before, after) if len(rest) >= AROUND and rest in text), "")
    if again:
        return ComparedCopy(kind=CopyKind.REPEATED, shown=again[:SHOWN])
    return _glued(got[:start], got[start + len(text) :]) or _repeated(text, got) or ComparedCopy(kind=CopyKind.EXACT)


def _glued(before: str, after: str) -> ComparedCopy | None:
    """The name of a role before the copy, or what touches it without white space, as no words of a model do."""
    if any(known in before + after for known in KNOWN):
        return None  # the check over every answer knows it
    if _without_markers(before) in ROLES and not after.strip():
        return _leaked(before.strip())
    touching = before[-1:] if not after else after[:1] if not before else ""
    if not touching or not (touching.isalnum() or touching in "<>[]|&;{}"):
        return None
    rest = before or after
    named = any("_" in known and known.strip("<|>") in rest for known in KNOWN)
    return ComparedCopy(kind=CopyKind.MARKER if named else CopyKind.OTHER_MARKER, shown=rest[:SHOWN])


def _leaked(marker: str) -> ComparedCopy:
    """A known control token, or what looks like one of another template's."""
    own = any(known in marker for known in KNOWN)
    return ComparedCopy(kind=CopyKind.MARKER if own else CopyKind.OTHER_MARKER, shown=marker[:SHOWN])


def _without_markers(text: str) -> str:
    for marker in KNOWN:
        text = text.replace(marker, "")
    return SUSPICIOUS.sub("", text).strip()


def _marked(text: str, core: str) -> ComparedCopy | None:
    """Markers inside the copy."""
    found = next((marker for marker in KNOWN if marker in core and marker not in text), "")
    match = SUSPICIOUS.search(core)
    found = found or (match[0] if match and match[0] not in text else "")
    if found and _squeezed(_without_markers(core)) == _squeezed(_without_markers(text)):
        return _leaked(found)
    return None


def _whitened(text: str, core: str) -> ComparedCopy | None:
    """White space that is lost, or written another way."""
    if _squeezed(text) != _squeezed(core):
        return None
    spaceless = " " in text and " " not in core
    kind = CopyKind.SPACES_LOST if spaceless or _joined(text, core) else CopyKind.WHITE_SPACE
    return _differing(kind, text, core)


def _joined(text: str, core: str) -> bool:
    """Whether all that differs is that words run together; both have the same signs beside white space."""
    pairs = zip(_BEFORE_SIGN.findall(text), _BEFORE_SIGN.findall(core), strict=True)
    return {(one, other) for one, other in pairs if one != other} == {(" ", "")}


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _cased(text: str, core: str) -> ComparedCopy | None:
    """Letters that are large in the place of small ones, or the reverse: all of them, or more than slips change."""
    if core.casefold() != text.casefold():
        return None
    changed = sum(one != other for one, other in zip(text, core, strict=False)) if len(text) == len(core) else 0
    often = changed >= max(FEWEST_REPLACED, LEAST_RECASED * sum(map(str.isalpha, text)))
    wholly = core in (text.lower(), text.upper(), text.title(), text.swapcase())
    return _differing(CopyKind.CASE, text, core) if often or wholly else None


def _undecoded(text: str, core: str) -> ComparedCopy | None:
    """How vocabularies write spaces, line breaks and bytes."""
    decoded = _BYTE.sub(lambda match: chr(int(match[1], 16)), core)
    decoded = decoded.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")
    if decoded != core and _squeezed(decoded) == _squeezed(text):
        return _differing(CopyKind.VOCABULARY, text, core)
    return None


def _escaped(text: str, core: str) -> ComparedCopy | None:
    """Entities, backslashes, percent signs or tags for line breaks in the place of signs; or the reverse."""
    for decoded in (html.unescape, _unslashed, unquote, lambda one: _BREAK.sub("\n", one), unquote_plus):
        if _wholly(decoded, text) == _wholly(decoded, core):
            more = len(core) > len(text) or core.count("+") > text.count("+")
            return _differing(CopyKind.ESCAPED if more else CopyKind.UNESCAPED, text, core)
    return None


def _wholly(decoded: Callable[[str], str], text: str) -> str:
    """A text that is decoded as often as it changes anything."""
    for _ in range(MOST_DECODED):
        text = decoded(text)
    return folded(text)


def _unslashed(text: str) -> str:
    """A text with its backslashes resolved, as JSON would."""

    def sign(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _SLASHES.get(match[4], match[4])

    plain = _SLASHED.sub(sign, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _beyond_ascii(text: str, got: str) -> ComparedCopy | None:
    """Signs beyond ASCII that became others, where all ASCII is as it was; words of the model may stand around it."""
    plain = got.replace("\r\n", "\n").translate(_UNSEEN)
    core = _same_ascii(text, plain) or _same_ascii(text, _END_OF_LINE.sub("", plain))
    if core is None:
        return None
    if any(core == other for other in _misread(text)):
        return _differing(CopyKind.WRONG_ENCODING, text, core)
    wanted, seen = _runs(text), _runs(core)
    kinds = [_run_kind(wanted.get(at, ""), seen.get(at, "")) for at in {**wanted, **seen}]
    if CopyKind.OTHER in kinds:
        return None
    if kinds.count(CopyKind.SIGNS_LOST) == 1 and len(set(kinds)) == 2 and len(_gaps(text, core)) == 1:
        return None  # a piece is missing that happens to hold no ASCII
    worst = (CopyKind.WRONG_ENCODING, CopyKind.CUT_CHARACTERS, CopyKind.SIGNS_LOST)
    return next((_differing(kind, text, core) for kind in worst if kind in kinds), None)


def _same_ascii(text: str, got: str) -> str | None:
    """The part of an answer whose ASCII is that of a text, which begins and ends with ASCII; None for no such part."""
    places = [at for at, sign in enumerate(got) if sign.isascii()]
    wanted = _ascii(text)
    start = "".join(got[at] for at in places).rfind(wanted)
    return got[places[start] : places[start + len(wanted) - 1] + 1] if start >= 0 else None


def _ascii(text: str) -> str:
    return "".join(sign for sign in text if sign.isascii())


def _runs(text: str) -> Mapping[int, str]:
    """What stands between signs of ASCII, by how many of these stand before it."""
    runs: dict[int, str] = {}
    before = 0
    for sign in text:
        if sign.isascii():
            before += 1
        else:
            runs[before] = runs.get(before, "") + sign
    return runs


def _run_kind(wanted: str, got: str) -> CopyKind:
    """What became of a run of signs beyond ASCII."""
    if wanted == unicodedata.normalize("NFC", got):
        return CopyKind.EXACT
    kept = "".join(sign for sign in got if sign != REPLACEMENT and not 0xD800 <= ord(sign) < 0xE000)
    if _is_rest(kept, wanted):
        return CopyKind.SIGNS_LOST if kept == got else CopyKind.CUT_CHARACTERS
    return CopyKind.WRONG_ENCODING if any(got == other for other in _misread(wanted)) else CopyKind.OTHER


def _misread(text: str) -> Iterator[str]:
    """A text as it looks when its UTF-8 is read as something else, once or twice."""
    raw = text.encode()
    for encoding in ENCODINGS:
        for errors in ("replace", "ignore"):
            once = raw.decode(encoding, errors)
            yield once
            yield once.encode().decode(encoding, errors)
    yield "".join(_sloppily(byte) for byte in raw)


def _sloppily(byte: int) -> str:
    """A byte as browsers read it: Windows-1252, and what that does not know as Latin-1."""
    raw = bytes([byte])
    return raw.decode("cp1252", "ignore") or raw.decode("latin-1")


def _is_rest(got: str, wanted: str) -> bool:
    """Whether a text is another one from which signs were taken."""
    signs = iter(wanted)
    return all(sign in signs for sign in got)


def _questioned(text: str, core: str) -> ComparedCopy | None:
    """Signs beyond ASCII that became question marks."""
    if text.isascii() or core.count("?") <= text.count("?"):
        return None
    forms = _RUN.sub(lambda run: f"(?:{run[0]}|\\?{{{len(run[0])},{4 * len(run[0])}}})", re.escape(text))
    return _differing(CopyKind.SIGNS_LOST, text, core) if re.fullmatch(forms, core) else None


def _replaced(text: str, core: str) -> ComparedCopy | None:
    """Signs that became others, everywhere and in the same way: normalised, simplified, reformatted or left out."""
    forms = (
        lambda one: unicodedata.normalize("NFKC", one),
        _without_accents,
        lambda one: _SEPARATOR.sub("", one),
        lambda one: one.replace("\u200d", ""),
        lambda one: re.sub("-{2,3}", "-", one),
    )
    for form in forms:
        if _squeezed(form(text)) == _squeezed(form(core)) and _changes(text, core) > 1:
            return _differing(CopyKind.REPLACED, text, core)
    untagged = any(_squeezed(tag.sub("", text)) == _squeezed(core) for tag in (_TAG, _LOOSE_TAG))
    return _differing(CopyKind.REPLACED, text, core) if untagged or _substituted(text, core) else None


def _without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _changes(text: str, core: str) -> int:
    """How many signs of a text are gone from its copy."""
    return sum(max(0, text.count(sign) - core.count(sign)) for sign in set(text))


def _substituted(text: str, core: str) -> bool:
    """Whether the same signs became the same others in every place, or are missing everywhere."""
    if len(text) == len(core):
        became: dict[str, str] = {}
        alike = all(became.setdefault(one, other) == other for one, other in zip(text, core, strict=True))
        changed = sum(one != other for one, other in zip(text, core, strict=True))
        again = len(text) >= PLAIN or changed > sum(one != other for one, other in became.items())
        return alike and again and changed >= FEWEST_REPLACED  # a short text whose signs are all different may be any
    left_out = {sign for sign in set(text) - set(core) if not sign.isalnum() and not sign.isspace()}
    rest = "".join(sign for sign in text if sign not in left_out)
    enough = sum(map(text.count, left_out)) >= FEWEST_REPLACED
    return enough and _squeezed(rest) == _squeezed(core)


def _masked(text: str, core: str) -> ComparedCopy | None:
    """Words in whose place a mask stands; everything between the masks is as it was."""
    first, *pieces = _MASK.split(core)
    if not 0 < len(pieces) <= MOST_MASKS or _MASK.search(text) or not text.startswith(first):
        return None
    at, kept = len(first), len(first)
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        place = len(text) - len(piece) if last and text.endswith(piece) else -1 if last else text.find(piece, at + 1)
        if not at < place <= at + MOST_MASKED:
            return None
        at, kept = place + len(piece), kept + len(piece)
    return _differing(CopyKind.MASKED, text, core) if kept >= LEAST_KEPT * len(text) else None


def _repeated(text: str, core: str) -> ComparedCopy | None:
    """Pieces that come twice or more, one after the other."""
    if len(core) <= len(text):
        return None
    at = place = 0
    shown = ""
    for _ in range(MOST_REPEATS):
        while at < len(text) and place < len(core) and text[at] == core[place]:
            at, place = at + 1, place + 1
        if place == len(core):
            break
        size = _again(text[:at], core, place)
        if not size:
            return None
        shown = shown or core[max(0, place - size) : place + size][:SHOWN]
        place += size
    if at < len(text) or place < len(core):
        return None
    return ComparedCopy(kind=CopyKind.REPEATED, shown=shown)


def _again(before: str, core: str, place: int) -> int:
    """How many signs at a place are the last ones before it once more; the most that can be."""
    most = min(len(before), len(core) - place)
    sizes = (size for size in range(most, 0, -1) if before[-size] == core[place])
    return next((size for size in sizes if core.startswith(before[-size:], place)), 0)


def _inserted(text: str, core: str) -> ComparedCopy | None:
    """One piece of words inside the copy that do not stand in the text."""
    size = len(core) - len(text)
    start = next((at for at, (one, other) in enumerate(zip(text, core, strict=False)) if one != other), len(text))
    piece = core[start : start + size]
    if not LEAST_ADDED <= size <= MOST_ADDED or not start or text[start:] != core[start + size :]:
        return None
    words = sum(map(str.isalpha, piece)) >= FEWEST and piece.strip() not in text
    return ComparedCopy(kind=CopyKind.ADDED, shown=piece[:SHOWN]) if words else None


def _lost(text: str, core: str) -> ComparedCopy | None:
    """Pieces with letters or digits are missing, and nothing else; three dots say that the model has left some out."""
    if len(core) >= len(text) or len(core) < min(LEAST_KEPT * len(text), PLAIN) or not _is_rest(core, text):
        return None
    gaps = _gaps(text, core) if core.count("...") <= text.count("...") else []
    pieces = [text[start:end] for start, end in gaps]
    if not any(sign.isalnum() for piece in pieces for sign in piece):
        return None
    kind = CopyKind.MIDDLE_LOST
    if gaps[0][0] == 0:
        kind = CopyKind.HEAD_LOST
    elif gaps[-1][1] == len(text):
        kind = CopyKind.TAIL_LOST
    return ComparedCopy(kind=kind, shown=pieces[-1 if kind is CopyKind.TAIL_LOST else 0][:SHOWN])


def _gaps(text: str, core: str) -> list[tuple[int, int]]:
    """Where pieces of a text are missing; none when there are too many, or the rest differs as well."""
    if text.endswith(core):
        return [(0, len(text) - len(core))]
    prefix = next((at for at, sign in enumerate(core) if text[at] != sign), len(core))
    if text.endswith(core[prefix:]):
        return [(prefix, len(text) - (len(core) - prefix))]
    steps = SequenceMatcher(None, text, core, autojunk=False).get_opcodes()
    gaps = [(start, end) for tag, start, end, _, _ in steps if tag == "delete"]
    whole = all(tag == "delete" or (tag == "equal" and end - start >= FEWEST) for tag, start, end, _, _ in steps)
    return gaps if whole and len(gaps) <= MOST_GAPS else []


def _differing(kind: CopyKind, text: str, core: str) -> ComparedCopy:
    """A kind, and the place of the first difference."""
    pairs = enumerate(zip(text, core, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(text), len(core)))
    return ComparedCopy(kind=kind, shown=core[max(0, at - 10) : at + SHOWN])


_LOOKS: tuple[Callable[[str, str], ComparedCopy | None], ...] = (
    _marked,
    _whitened,
    _cased,
    _undecoded,
    _escaped,
    _questioned,
    _replaced,
    _masked,
    _repeated,
    _inserted,
    _lost,
)
"""Each knows one kind of defect; the first that explains every difference names it."""
