"""How often one cause was seen in the answers of a run, and the finding that this makes."""

from collections import Counter
from dataclasses import dataclass, field

from kvv_action.causes import Cause
from kvv_action.schema import Completion, Finding, FindingExample, Place, Severity
from kvv_action.statistics.intervals import one_sided, score_limits, wilson

FEWEST_FAILING, LEAST_SHARE = 3, 0.005
"""Answers, and share of all (its lower 95 % limit), from which what is seen fails the run; below it is a warning."""
EXAMPLES, EXAMPLE_LIMIT = 5, 200
WORDS = 5
"""Words that a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """One answer of the endpoint under test, as a check sees it.

    Attributes:
        request: the beginning of the body; empty where the journal does not keep it.
        echo: suspicious pieces of text that stand in the request itself, and so may stand in the answer.
    """

    place: Place
    completion: Completion
    request: str = ""
    echo: frozenset[str] = frozenset()

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
        severity: None: a failure from `FEWEST_FAILING` answers and `least` of all on, else a warning.
        least: share of answers, see above.
        of_calls: it can be seen in answers with tool calls only.
    """

    severity: Severity | None = None
    least: float = LEAST_SHARE
    of_calls: bool = False


@dataclass(slots=True, kw_only=True)
class Sightings:
    """Answers that show one cause."""

    cause: Cause
    count: int = 0
    benchmarks: set[str] = field(default_factory=set)
    words: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, int, int], FindingExample] = field(default_factory=dict)

    def add(self, place: Place, shown: str, word: str = "") -> None:
        """Count an answer; see `Sign`."""
        self.count += 1
        self.benchmarks.add(place.benchmark)
        self.words.update([word] if word else [])
        self.examples[place.slot] = FindingExample(
            benchmark=place.benchmark, sample=place.sample, epoch=place.epoch, shown=shown[:EXAMPLE_LIMIT]
        )
        if len(self.examples) > EXAMPLES:  # the first ones of the plan, in whatever order answers came
            del self.examples[max(self.examples)]

    def finding(self, of: int, rule: Rule, **words: object) -> Finding:
        """What the sightings show; `words` are further words of the sentence."""
        listed = sorted(self.words.items(), key=lambda item: (-item[1], item[0]))[:WORDS]
        return Finding(
            cause_id=self.cause.id,
            severity=rule.severity or severity_of(self.count, of, rule.least),
            cause=self.cause.sentence.format(words=", ".join(word for word, _ in listed), **words),
            remedy=self.cause.remedy,
            count=self.count,
            of=of,
            interval=wilson(self.count / of, of),
            benchmarks=tuple(sorted(self.benchmarks)),
            evidence=tuple(example for _, example in sorted(self.examples.items())),
        )


def severity_of(count: int, of: int, least: float) -> Severity:
    """A failure where enough answers show it, else a warning."""
    low = score_limits(count / of, of, one_sided(0.05))[0]
    return Severity.FAILURE if count >= FEWEST_FAILING and low > least else Severity.WARNING
