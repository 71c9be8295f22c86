"""What the judge is asked about one answer, which of its replies belongs to what, and the score that they make."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.beam.conversation import EVENT_ORDERING, ProbingQuestion
from benchmarks.beam.ordering import agreement
from kvv_action.errors import JudgeError
from kvv_action.schema import Message
from kvv_action.scoring import judging

NOTHING = "Thank you, I will think about that."
"""An answer that says nothing, to which no judge may give marks."""
CONTROLLED = frozenset({("information_extraction", 0), ("summarization", 0)})
"""Ability and index of the questions, a tenth of all, whose first judgement is asked for again, and whose judge is
asked about `NOTHING`."""


class Scoring(StrEnum):
    """By whose rules judgements become a score."""

    UPSTREAM = "upstream"
    PAPER = "paper"
    PAIRWISE = "pairwise"
    """As `PAPER`, but events are found in an answer as BEAM's authors do it: one pair at a time."""


LINES = 100
"""Lines of an answer that are compared with events one by one; further ones count as lines that name none."""


class Purpose(StrEnum):
    """Why the judge is asked."""

    SCORE = "score"
    REPEAT = "repeat"
    CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuestion:
    """One request to the judge, and how its reply becomes a value in 0..1; `read` raises JudgeError."""

    purpose: Purpose
    messages: tuple[Message, ...]
    read: Callable[[str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """What the judge said of one answer.

    Attributes:
        items: values of the criteria, or of the order of events.
        repeated: the first of them, asked for again; None where it was not.
    """

    items: tuple[float, ...]
    repeated: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the judge said the same twice."""
        return self.repeated == self.items[0]


def asked_of(question: ProbingQuestion, answer: str, scoring: Scoring) -> tuple[JudgeQuestion, ...]:
    """Everything that the judge is asked about an answer, whatever it says."""
    items = _items(question, answer, scoring)
    if (question.ability, question.index) not in CONTROLLED:
        return items
    again = JudgeQuestion(purpose=Purpose.REPEAT, messages=items[0].messages, read=items[0].read)
    control = judging.criterion(question.text, question.rubric[0], NOTHING)
    return (*items, again, JudgeQuestion(purpose=Purpose.CONTROL, messages=control, read=judging.read_score))


def _items(question: ProbingQuestion, answer: str, scoring: Scoring) -> tuple[JudgeQuestion, ...]:
    if question.ability != EVENT_ORDERING:
        asked = (judging.criterion(question.text, wanted, answer) for wanted in question.rubric)
        return tuple(JudgeQuestion(purpose=Purpose.SCORE, messages=one, read=judging.read_score) for one in asked)
    if scoring is Scoring.UPSTREAM:
        order = judging.order(question.text, question.rubric, answer)
        return (JudgeQuestion(purpose=Purpose.SCORE, messages=order, read=judging.read_score),)
    lines, events = _lines(answer), question.rubric

    def read(text: str) -> float:
        return agreement(judging.read_matches(text, len(events), len(lines)), len(events))

    return (JudgeQuestion(purpose=Purpose.SCORE, messages=judging.matches(events, lines), read=read),)


Alignment = Generator[JudgeQuestion, str, Judgements]
"""Asks the judge one thing after another; what it asks next depends on the reply."""


def by_pairs(question: ProbingQuestion, scoring: Scoring) -> bool:
    """Whether an answer is judged by an `alignment`."""
    return scoring is Scoring.PAIRWISE and question.ability == EVENT_ORDERING


def alignment(question: ProbingQuestion, answer: str) -> Alignment:
    """Compare each line with the events that no line has named yet, in their order, until one is the same.

    Raises:
        JudgeError: a reply cannot be read, and neither can the next one to the same question.
    """
    lines, left, matches = _lines(answer), list(range(len(question.rubric))), list[int]()
    for line in lines[:LINES]:
        found = None
        for event in left:
            if (yield from _answered(judging.same(question.rubric[event], line))):
                found = event
                break
        matches.append(0 if found is None else found + 1)
        left = [event for event in left if event != found]
    matches += [0] * (len(lines) - len(matches))
    return Judgements(items=(agreement(matches, len(question.rubric), lines),))


def _answered(messages: tuple[Message, ...]) -> Generator[JudgeQuestion, str, float]:
    """The value of the judge's reply; a reply that cannot be read is asked for once more."""
    one = JudgeQuestion(purpose=Purpose.SCORE, messages=messages, read=judging.read_same)
    reply = yield one
    if not _readable(one, reply):
        reply = yield one
    return one.read(reply)


def pairs_of(question: ProbingQuestion) -> tuple[JudgeQuestion, ...]:
    """What is asked about an answer that names every event in its order."""
    asked = (judging.same(event, event) for event in question.rubric)
    return tuple(JudgeQuestion(purpose=Purpose.SCORE, messages=one, read=judging.read_same) for one in asked)


def replayed(steps: Alignment, replies: Sequence[str]) -> Judgements:
    """The judgements that replies give, in the order in which they came.

    Raises:
        JudgeError: some are missing or cannot be read.
    """
    try:
        next(steps)
        for reply in replies:
            steps.send(reply)
    except StopIteration as end:
        found: Judgements = end.value
        return found
    raise JudgeError(f"the judge gave {len(replies)} judgements, and more are needed")


def _lines(answer: str) -> list[str]:
    return [line.strip() for line in answer.splitlines() if line.strip()]


def unread(asked: Sequence[JudgeQuestion], replies: Sequence[str]) -> tuple[JudgeQuestion, ...]:
    """Those whose replies cannot be read, and which are therefore asked once more."""
    return tuple(one for one, reply in zip(asked, replies, strict=True) if not _readable(one, reply))


def _readable(one: JudgeQuestion, reply: str) -> bool:
    try:
        one.read(reply)
    except JudgeError:
        return False
    return True


def judgements(asked: Sequence[JudgeQuestion], replies: Sequence[str]) -> Judgements:
    """What replies say, in the order of their requests: the first of each, then the second of those that are unread.

    Raises:
        JudgeError: some are missing or cannot be read, or the judge gave marks to an answer that says nothing.
    """
    if len(replies) < len(asked):
        raise JudgeError(f"the judge gave {len(replies)} of {len(asked)} judgements")
    first, later = replies[: len(asked)], iter(replies[len(asked) :])
    said = [reply if _readable(one, reply) else next(later, reply) for one, reply in zip(asked, first, strict=True)]
    values = {purpose: list[float]() for purpose in Purpose}
    for one, reply in zip(asked, said, strict=True):
        values[one.purpose].append(one.read(reply))
    if any(values[Purpose.CONTROL]):
        raise JudgeError("the judge cannot be trusted: it gives marks to an answer that says nothing")
    return Judgements(items=tuple(values[Purpose.SCORE]), repeated=next(iter(values[Purpose.REPEAT]), None))


def value_of(found: Judgements, scoring: Scoring) -> float:
    """The score: the mean of the items, where upstream takes no half points."""
    items = [float(int(value)) for value in found.items] if scoring is Scoring.UPSTREAM else found.items
    return sum(items) / len(items)
