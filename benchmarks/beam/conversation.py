"""One conversation with its questions, as every layout of the dataset gives it, and as it fits into a window."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from kvv_action.errors import DatasetError, in_words
from kvv_action.plan.tokens import of_text
from kvv_action.schema import Json, Message

ABSTENTION, EVENT_ORDERING = "abstention", "event_ordering"
ABILITIES = (
    ABSTENTION, "contradiction_resolution", EVENT_ORDERING, "information_extraction", "instruction_following",
    "knowledge_update", "multi_session_reasoning", "preference_following", "summarization", "temporal_reasoning",
)  # fmt: skip
RESERVE = 5000
"""Tokens that are kept free beside the answer, for the question and the template."""
CEILING = 1.1
"""Without a tokenizer: the most tokens of a text, as a multiple of what is expected (README)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said.

    Attributes:
        messages: role and content of each.
        sought: for each question the texts that its answer should hold, by which evidence is found that the data does
            not name.
    """

    id: str
    messages: tuple[Message, ...]
    sought: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbingQuestion:
    """One question about a conversation.

    Attributes:
        number: of the question in its conversation.
        gold: an ideal answer, for people; the rubric judges.
        evidence: numbers of the messages in which the answer stands, by the data; empty where it does not say.
    """

    conversation: Conversation
    number: int
    ability: str
    index: int
    text: str
    gold: str
    rubric: tuple[str, ...]
    evidence: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """As samples are called."""
        return f"{self.conversation.id}-{self.ability}-{self.index}"


def questions(row: Mapping[str, Json], number: int) -> Sequence[ProbingQuestion]:
    """The questions of a tidy row.

    Raises:
        DatasetError: it is not one.
    """
    try:
        asked, evidence = row["questions"], row.get("evidence") or [()] * len(row["questions"])
        conversation = Conversation(
            id=str(row["chat_id"]),
            messages=tuple({"role": one["role"], "content": one["content"]} for one in row["messages"]),
            sought=tuple(" ".join([one["gold_answer"], *one["rubric"]]) for one in asked),
        )
        return [
            ProbingQuestion(
                conversation=conversation, number=place, ability=_ability(one["question_type"]),
                index=one["question_index"], text=one["question"], gold=one["gold_answer"],
                rubric=_rubric(one["rubric"]), evidence=tuple(evidence[place]),
            )
            for place, one in enumerate(asked)
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DatasetError(f"beam: conversation {number} is malformed ({in_words(error)})") from error


def _ability(name: str) -> str:
    if name not in ABILITIES:
        raise ValueError(f"question type {name!r} is unknown")
    return name


def _rubric(items: Sequence[str]) -> tuple[str, ...]:
    if not items or not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError("a question has no rubric, or an empty criterion")
    return tuple(items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What of a conversation is sent: everything from one message on.

    Attributes:
        start: number of the first message that is sent.
        tokens: of the contents that are sent.
        most: the same at most; more than `tokens` where they were estimated.
        template: tokens around these contents, where the model's template is known; else 0.
        counted: by the model's tokenizer; else estimated.
        digest: SHA-256 of the messages that are sent, as JSON.
    """

    start: int
    tokens: int
    most: int
    counted: bool
    digest: str
    template: int = 0

    @property
    def expected(self) -> int:
        """Tokens that an endpoint counts which reads all of it."""
        return self.tokens + self.template

    def facts(self, whole: int) -> dict[str, Json]:
        """What the journal keeps instead of the texts; `whole` messages are in the conversation."""
        return {
            "start": self.start, "sent": whole - self.start, "tokens": self.tokens, "counted": self.counted,
            "template": self.template, "sha256": self.digest,
        }  # fmt: skip


def digest_of(messages: Sequence[Message]) -> str:
    """SHA-256 of messages as JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps(messages, option=orjson.OPT_SORT_KEYS)).hexdigest()


def fit(messages: Sequence[Message], room: int | None, count: Callable[[str], int] | None) -> Fitting:
    """Drop whole messages from the front until the rest fits, then those before the next one of the user.

    Args:
        messages: the whole conversation.
        room: tokens that contents may have; None drops nothing.
        count: the model's tokenizer; None estimates, and fits by the most that is likely.
    """
    sizes = [_sizes(str(message["content"]), count) for message in messages]
    total, start = sum(most for _, most in sizes), 0
    if room is not None and total > room:
        while start < len(messages) and total > room:
            total -= sizes[start][1]
            start += 1
        while start < len(messages) and messages[start]["role"] != "user":
            start += 1
    kept = sizes[start:]
    return Fitting(
        start=start, tokens=round(sum(one for one, _ in kept)), most=sum(most for _, most in kept),
        counted=count is not None, digest=digest_of(messages[start:]),
    )  # fmt: skip


def _sizes(text: str, count: Callable[[str], int] | None) -> tuple[float, int]:
    """Tokens of a text, as expected and at most."""
    if count is not None:
        size = count(text)
        return size, size
    expected = of_text(text).expected
    return expected, math.ceil(CEILING * expected)
