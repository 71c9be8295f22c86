"""How often one cause was seen in the answers of a run, and the finding that this makes."""

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from kvv_action.causes import Cause
from kvv_action.schema import Completion, Finding, FindingExample, Place, Severity, Slot
from kvv_action.statistics.intervals import one_sided, score_limits, wilson

FEWEST_FAILING, LEAST_SHARE = 3, 0.005
"""Answers, and share of all (its lower 95 % limit), from which what is seen fails the run; below it is a warning."""
EXAMPLES, EXAMPLE_LIMIT = 5, 200
_MAX_TOKENS = re.compile(r'"max_(?:completion_)?tokens":\s?(\d{1,9})(?!\d)')
_JSON_ASKED = re.compile(r'"response_format":\s?\{(?!"type":\s?"text")')
PROBE, MOST_UNITS = 64, 200
"""Characters of a beginning by which its repetition is looked for, and how many places are tried."""
LOOKED = 30_000
"""Characters at each end of a text that are looked at closely: what damages a text damages it everywhere."""
WORDS = 5
"""Words that a sentence names."""


class Base(StrEnum):
    """Answers in which a cause can be seen."""

    ANSWERS = "answers"
    CALLS = "answers with tool calls"
    PARALLEL = "answers with several tool calls"


FRAGMENT = 4
"""Tokens up to which an answer that a limit cut is a fragment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """One answer of the endpoint under test, as a check sees it.

    Attributes:
        request: the beginning of the body; empty where the journal does not keep it.
        echo: suspicious pieces of text that stand in the request itself, and so may stand in the answer.
        limit: `max_tokens` of the plan, where requests do not say another one; None where that is not known.
    """

    place: Place
    completion: Completion
    request: str = ""
    echo: frozenset[str] = frozenset()
    limit: int | None = None

    @property
    def asked(self) -> int | None:
        """Tokens that the request allows; None where that is not known."""
        said = _MAX_TOKENS.search(self.request)
        return int(said[1]) if said else self.limit

    @property
    def asks_json(self) -> bool:
        """Whether the request asks for JSON as the format of the answer."""
        return _JSON_ASKED.search(self.request) is not None

    @property
    def is_fragment(self) -> bool:
        """Whether a limit left only a few tokens, from which nobody can tell how an answer begins, or what it is."""
        if self.completion.finish_reason != "length":
            return False
        tokens = self.completion.tokens
        return (tokens[1] if tokens and tokens[1] else self.asked or FRAGMENT + 1) <= FRAGMENT

    @property
    def raw(self) -> bool:
        """Whether a prompt was completed: its content is all that the model wrote, with thinking and markers."""
        return '"prompt":"' in self.request and '"messages":' not in self.request


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What one answer shows of a cause.

    Attributes:
        shown: the place in the answer, for people.
        word: what the cause's sentence names (a marker, a value); empty where it names nothing. It is a word of ours or
            of the model's template, never a text of the answer, and so stands in redacted journals, too.
    """

    cause: Cause
    shown: str
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How signs of a cause count.

    Attributes:
        severity: None: a failure from `fewest` answers and `least` of all on, else a warning.
        fewest, least: number and share of answers, see above.
        of: answers in which it can be seen.
    """

    severity: Severity | None = None
    fewest: int = FEWEST_FAILING
    least: float = LEAST_SHARE
    of: Base = Base.ANSWERS


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFinding:
    """A finding, and the answers that show it."""

    finding: Finding
    slots: Iterable[Slot]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotList:
    """Where answers stand, by benchmark: sixteen bytes each, a tenth of what a set takes; one may come twice."""

    places: "dict[str, array[int]]" = field(default_factory=dict)

    def add(self, place: Place) -> None:
        """Note an answer."""
        if (known := self.places.get(place.benchmark)) is None:
            known = self.places[place.benchmark] = array("q")
        known.append(place.index)
        known.append(place.epoch)

    def __iter__(self) -> Iterator[Slot]:
        for benchmark, known in self.places.items():
            numbers = iter(known)
            yield from ((benchmark, index, epoch) for index, epoch in zip(numbers, numbers, strict=True))


@dataclass(slots=True, kw_only=True)
class Sightings:
    """Answers that show one cause.

    Attributes:
        last: the last of the examples, where there are as many as are kept.
    """

    cause: Cause
    count: int = 0
    words: Counter[str] = field(default_factory=Counter)
    examples: dict[Slot, FindingExample] = field(default_factory=dict)
    slots: SlotList = field(default_factory=SlotList)
    last: Slot | None = None

    def add(self, place: Place, shown: str, word: str = "") -> None:
        """Count an answer; see `Sign`."""
        self.count += 1
        self.slots.add(place)
        if word:
            self.words[word] += 1
        if self.last is None or place.slot <= self.last:
            self._show(place, shown)

    def _show(self, place: Place, shown: str) -> None:
        """Keep an example: the first ones of the plan, in whatever order answers came."""
        self.examples[place.slot] = FindingExample(
            benchmark=place.benchmark, sample=place.sample, epoch=place.epoch, shown=shown[:EXAMPLE_LIMIT]
        )
        if len(self.examples) > EXAMPLES:
            del self.examples[max(self.examples)]
        if len(self.examples) == EXAMPLES:
            self.last = max(self.examples)

    def finding(self, of: int, rule: Rule, **words: object) -> Finding:
        """What the sightings show; `words` are further words of the sentence."""
        listed = sorted(self.words.items(), key=lambda item: (-item[1], item[0]))[:WORDS]
        return Finding(
            cause_id=self.cause.id,
            severity=rule.severity or severity_of(self.count, of, rule),
            cause=self.cause.sentence.format(words=", ".join(word for word, _ in listed), **words),
            remedy=self.cause.remedy,
            count=self.count,
            of=of,
            interval=wilson(self.count / of, of),
            benchmarks=tuple(sorted(self.slots.places)),
            evidence=tuple(example for _, example in sorted(self.examples.items())),
        )

    def seen(self, of: int, rule: Rule, **words: object) -> SeenFinding:
        """The same with the answers that show it."""
        return SeenFinding(finding=self.finding(of, rule, **words), slots=self.slots)


def severity_of(count: int, of: int, rule: Rule) -> Severity:
    """A failure where enough answers show it, else a warning."""
    low = score_limits(count / of, of, one_sided(0.05))[0]
    return Severity.FAILURE if count >= rule.fewest and low > rule.least else Severity.WARNING


def is_json(text: str) -> bool:
    """Whether a text is one JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def ends_of(text: str) -> str:
    """Beginning and end of a very long text, the whole of any other."""
    return text if len(text) <= 2 * LOOKED else text[:LOOKED] + text[-LOOKED:]


def period(text: str) -> int:
    """Length of the unit whose repetition a text is; 0 where it is no repetition."""
    beginning = text[: min(PROBE, len(text) // 2)]
    size = text.find(beginning, 1) if beginning else 0
    for _ in range(MOST_UNITS):
        if not 0 < size <= len(text) // 2:
            break
        if len(text) % size == 0 and text[size:] == text[:-size]:
            return size
        size = text.find(beginning, size + 1)
    return 0


def of_beginnings(text: str, whole: str) -> int:
    """Of how many growing beginnings of another text a text is made; 0 where it is not."""
    size = at = count = 0
    while at < len(text):
        if not text.startswith(whole[: size + 1], at):
            return 0
        longer = _common(text, at, whole)
        if longer <= size:
            return 0
        size, at, count = longer, at + longer, count + 1
    return count


def _common(text: str, at: int, whole: str) -> int:
    """Length of the common beginning of `text[at:]` and `whole`, by halving."""
    low, high = 0, min(len(whole), len(text) - at)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text.startswith(whole[:middle], at) else (low, middle - 1)
    return low
