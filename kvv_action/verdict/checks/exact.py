"""Answers to requests that name the answer's text: what was put around it, and whether its signs were changed.

Models slip, and some greet. A finding is what comes again with other texts: the same words around them, or the same
kind of change in them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import eq

import orjson

from kvv_action.causes import Cause, named
from kvv_action.schema import Exchange, Place
from kvv_action.verdict.checks import damage
from kvv_action.verdict.checks.copies import TYPOGRAPHIC, CopyKind, compared
from kvv_action.verdict.checks.markers import KNOWN, ROLES, SUSPICIOUS
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, SeenFinding, Sightings, Sign

ASKED_EXACTLY = "asked-exactly"
"""In a redacted journal, stands among the signs of every answer to such a request."""
AS_ASKED = "as-asked"
"""Its word where the answer is the text."""
_EXACTLY = "eply with exactly:"
_WANTED = re.compile(rf'[Rr]{_EXACTLY}\s?((?:[^"\\]|\\[^n])+)(?="|\\n)')
COPY_ASKED = "Copy the text between the two lines of equals signs, character by character."
_COPY = re.compile(re.escape(COPY_ASKED) + r'[^=]*?\\n=====\\n((?:[^"\\]|\\.)*?)\\n=====(?="|\\n)')
"""The other way to name a text: one of several lines."""
_WHITE = re.compile(r"\s+")
_ALIKE = str.maketrans(dict(TYPOGRAPHIC))
_TAGS = re.compile(r"<\||</?\w+>|◁|\[/?THINK\]")
_HABIT = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here|absolutely|the|this|that|i|i'm|i've|let me|is there|hope|please|thanks?|"
    r"great|note|answer|response|output|result|final|reply|yes|got it|understood|done)\b|[^\n]*[:：]\s*\Z",
    re.IGNORECASE,
)
"""What models, too, write before and behind a text."""
FEWEST_LETTERS, SHORTEST, LONGEST = 2, 4, 2000
"""Letters of words around a text; characters of a text whose changes are looked at, and of an answer."""
FEWEST_AGAIN = 2
"""Different texts, each of at least one answer, in which the same is seen before it is told."""
HABITUAL = 0.4
"""Share of such answers from which a greeting is no habit of a model."""
MOST_KEPT = 10_000
"""Sightings that are kept."""

ADDED = Cause(
    id="text-added",
    sentence="text that nobody asked for is put into answers: a beginning, an ending or an advertisement",
    remedy="look for a gateway, plan or system prompt that adds its own words to prompts or answers, and turn that off",
    seldom_shown=True,
    symptom_of=(
        "text-cut-characters", "text-wrong-encoding", "text-vocabulary-marks", "text-spaces-lost", "text-repeated",
        "text-doubled", "text-cumulative", "not-language", "degenerate-output", "degenerate-loop", "markers-leak",
        "markers-unknown", "parser-missing", "reasoning-in-content",
    ),
)  # fmt: skip
GREETING = Cause(
    id="text-greeting",
    sentence="answers begin or end with the same further words, although requests ask for an exact text",
    remedy="see whether a gateway, plan or system prompt adds these words, or asks the model for them",
    seldom_shown=True,
    symptom_of=(ADDED.id, *ADDED.symptom_of),
)
CASE = Cause(
    id="letters-change-their-case",
    sentence="letters change their case",
    remedy="look for a filter or gateway that normalises prompts or answers",
    seldom_shown=True,
)
REPLACED = Cause(
    id="characters-in-texts-are-replaced-by-others-or-left-out",
    sentence="characters in texts are replaced by others or left out",
    remedy="pass text through unchanged: no Unicode normalisation, transliteration, removal of markup, or other format "
    "of numbers and punctuation in gateways and filters",
    seldom_shown=True,
)
WHITE_SPACE = Cause(
    id="white-space-in-texts-is-changed",
    sentence="white space in texts is changed",
    remedy="do not strip or collapse spaces and line breaks in prompts, chunks and answers: code depends on them",
    seldom_shown=True,
)
TAIL_LOST = named(
    "the end of texts is lost",
    "find where the last chunk is dropped: beside finish_reason, or in a proxy that closes too early",
    explains=damage.HEAD_LOST.explains,
    seldom_shown=True,
)
MIDDLE_LOST = named(
    "texts lose pieces in the middle",
    "look for chunks that are dropped under way: a parser that swallows text, a gateway that merges chunks",
    explains=damage.HEAD_LOST.explains,
    seldom_shown=True,
)
SIGNS_LOST = named(
    "characters beyond ASCII are lost",
    "pass UTF-8 through unchanged: no ASCII-only filter, no three-byte UTF-8, no removal of joiners",
)
ESCAPED = named(
    "texts are escaped once too often",
    "do not encode text for HTML, JSON or addresses before it is put into JSON; look at gateways and filters",
)
UNESCAPED = named(
    "escapes in texts are resolved",
    "leave entities, backslashes and percent signs of a text as they are: decode JSON once and nothing else",
)
MASKED = named(
    "words in texts are masked",
    "turn off the filter of personal data or words on the way, or route this model around it",
    switches={"LiteLLM": "guardrails (Presidio): default_on: false"},
)
UNSEEN = named(
    "invisible characters are put into texts",
    "send text without byte order marks, zero-width signs and control characters: look for watermarks, and for files "
    "or terminals as a source of text",
)
COPIED: Mapping[CopyKind, Cause] = {
    CopyKind.HEAD_LOST: damage.HEAD_LOST,
    CopyKind.TAIL_LOST: TAIL_LOST,
    CopyKind.MIDDLE_LOST: MIDDLE_LOST,
    CopyKind.REPEATED: damage.STUTTER,
    CopyKind.DOUBLED: damage.DOUBLED,
    CopyKind.CUMULATIVE: damage.CUMULATIVE_TEXT,
    CopyKind.CUT_CHARACTERS: damage.CUT_CHARACTERS,
    CopyKind.SIGNS_LOST: SIGNS_LOST,
    CopyKind.WRONG_ENCODING: damage.MOJIBAKE,
    CopyKind.ESCAPED: ESCAPED,
    CopyKind.UNESCAPED: UNESCAPED,
    CopyKind.WHITE_SPACE: WHITE_SPACE,
    CopyKind.SPACES_LOST: damage.GLUED_WORDS,
    CopyKind.CASE: CASE,
    CopyKind.VOCABULARY: damage.VOCABULARY,
    CopyKind.REPLACED: REPLACED,
    CopyKind.MASKED: MASKED,
    CopyKind.UNSEEN: UNSEEN,
    CopyKind.ADDED: ADDED,
}
"""The cause of each kind of damage; markers are left to another check."""
CAUSES = (
    ADDED, GREETING, CASE, REPLACED, WHITE_SPACE, TAIL_LOST, MIDDLE_LOST, SIGNS_LOST, ESCAPED, UNESCAPED, MASKED, UNSEEN
)  # fmt: skip
SIGNED = dict.fromkeys((*CAUSES, *COPIED.values()))
"""The causes of the signs of this module, each with a word; signs of other checks with these causes have none."""
RULES = {
    **{cause.id: Rule(least=0.02) for cause in CAUSES},
    ADDED.id: Rule(least=0.0),
    GREETING.id: Rule(least=HABITUAL),
}
_TWICE = (CopyKind.DOUBLED, CopyKind.CUMULATIVE)
"""No damage here: models repeat short texts."""
_CONTINUED = re.compile(r'"(?:stop|prefix|continue_final_message)":|"partial":\s?true')
"""Requests whose answer is rightly only a part of the text."""


def wanted_of(request: str) -> str:
    """The text that a request names as its answer; empty where it names none."""
    if _EXACTLY not in request and COPY_ASKED not in request:
        return ""  # found out in a twentieth of the time that the patterns take
    found = _WANTED.search(request) or _COPY.search(request)
    try:
        return str(orjson.loads(f'"{found[1]}"')).strip() if found else ""
    except orjson.JSONDecodeError:
        return ""


def is_as_asked(exchange: Exchange) -> bool:
    """Whether an answer is the text that its request names; a redacted journal keeps that as the word of a sign."""
    if exchange.signs is not None:
        return exchange.signs.get(ASKED_EXACTLY) == AS_ASKED
    completion = exchange.completion
    return completion is not None and completion.content.strip() == (wanted_of(exchange.request) or None)


def exact_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """How the content differs from the text that was asked for; nothing where it is another text, or was cut."""
    completion, wanted = answer.completion, wanted_of(answer.request)
    got = completion.content.strip()
    known = wanted and got and got != wanted and len(got) <= LONGEST
    if not known or answer.raw or completion.tool_calls or completion.finish_reason == "length":
        return
    if words := _around(wanted, got):
        habit = all(_HABIT.match(part) for part in words if part)
        name = f"{_digest(wanted)}:{_digest(' '.join(words))}"
        yield Sign(cause=GREETING if habit else ADDED, shown=got, word=name)
    elif cause := _changed(wanted, got) or _damaged(wanted, got, answer):
        yield Sign(cause=cause, shown=got, word=_digest(wanted))


def _around(wanted: str, got: str) -> tuple[str, str] | None:
    """The words before and behind a text; None for none, and for what other checks know."""
    place = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", got)
    if place is None:
        return None
    before, after = got[: place.start()].strip(), got[place.end() :].strip()
    words = f"{before}\n{after}"
    if sum(map(str.isalpha, words)) < FEWEST_LETTERS or wanted in words or before.casefold() in ROLES:
        return None
    known = any(marker in words for marker in KNOWN) or SUSPICIOUS.search(words) or _TAGS.search(words)
    return None if known else (before, after)


def _changed(wanted: str, got: str) -> Cause | None:
    """What happened to the signs of a line; the first letter may be large, and short words are written as one likes."""
    if wanted[1:] == got[1:] or len(wanted) < SHORTEST or "\n" in wanted:
        return None
    if wanted.casefold() == got.casefold():
        return CASE
    if wanted.translate(_ALIKE) == got.translate(_ALIKE):
        return REPLACED
    if _WHITE.sub("", wanted) != _WHITE.sub("", got):
        return None
    return COPIED[CopyKind.SPACES_LOST] if compared(wanted, got).kind is CopyKind.SPACES_LOST else WHITE_SPACE


def _damaged(wanted: str, got: str, answer: SeenAnswer) -> Cause | None:
    """What damages a copy; a text that was broken off may end anywhere, and models count repeated words badly."""
    if wanted[1:] == got[1:] or len(wanted) < SHORTEST or _CONTINUED.search(answer.request):
        return None
    kind, words = compared(wanted, got).kind, wanted.split()
    lost = kind in (CopyKind.HEAD_LOST, CopyKind.TAIL_LOST, CopyKind.MIDDLE_LOST)
    if lost and (answer.completion.finish_reason != "stop" or any(map(eq, words, words[1:]))):
        return None
    return None if kind in _TWICE else COPIED.get(kind)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()


@dataclass(slots=True, kw_only=True)
class _Alike:
    """Answers that show the same."""

    seen: list[tuple[Place, str]] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)


class ExactTextCheck:
    """Keeps the signs that come again with other texts; memory is bounded."""

    def __init__(self) -> None:
        self._asked = self._kept = 0
        self._alike: dict[tuple[str, str], _Alike] = {}

    def see(self, exchange: Exchange | None) -> None:
        """Count an answer whose text was named."""
        if exchange is not None:
            signs = exchange.signs
            self._asked += ASKED_EXACTLY in signs if signs is not None else bool(wanted_of(exchange.request))

    def add(self, place: Place, sign: Sign) -> None:
        """Count a sign."""
        self._kept += 1
        if self._kept <= MOST_KEPT:
            wanted, _, around = sign.word.partition(":")
            alike = self._alike.setdefault((sign.cause.id, around), _Alike())
            alike.seen.append((place, sign.shown))
            alike.wanted.add(wanted)

    def findings(self) -> Iterator[SeenFinding]:
        """One for each cause."""
        for cause in SIGNED:
            sightings = Sightings(cause=cause)
            for (name, _), alike in self._alike.items():
                if name == cause.id and len(alike.wanted) >= FEWEST_AGAIN:
                    for place, shown in alike.seen:
                        sightings.add(place, shown)
            if sightings.count:
                rule = RULES.get(cause.id, RULES[REPLACED.id])
                yield sightings.seen(max(self._asked, sightings.count), rule)
