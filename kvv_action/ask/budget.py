"""What a run may spend, what it has spent, and why it stops.

The amounts are counted from the journal over all sessions, so that resuming never spends twice. A request is reserved
before it is sent, so their number is never exceeded, and one that is given up leaves a line like any other; only a
process that is killed leaves no trace of what it had in flight. Tokens are known when an answer is there: what is in
flight when the limit is reached comes on top. A try that failed costs the prompt and the text that had come; one that
brought no text costs none. A count of the endpoint's own that cannot be is not believed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from kvv_action.digits import counted, figure, noun
from kvv_action.errors import KvvError
from kvv_action.journal.reading import Sent
from kvv_action.plan import tokens
from kvv_action.schema import Attempt, Completion, Json

CHARACTERS = 4
"""Of a token, in the text of a try that failed: the text itself is not kept."""


class BudgetSpent(KvvError):
    """The next request would go beyond the budget; its sample is left for a later session, as if never begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may spend in all; None sets no limit.

    Attributes:
        cost: in the currency of the prices.
        price_input, price_output: of a million tokens.
    """

    requests: int | None = None
    tokens: int | None = None
    cost: float | None = None
    minutes: float | None = None
    price_input: float = 0.0
    price_output: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return any(limit is not None for limit in (self.requests, self.tokens, self.cost, self.minutes))


def believed(said: int, reckoned: int) -> bool:
    """Whether a count of tokens can be: what is reckoned is at most a quarter above it, so half of that is too few."""
    return 2 * said >= reckoned


def wasted(attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """The failed tries in which the endpoint had begun to answer."""
    return [attempt for attempt in attempts if attempt.failure and attempt.characters]


def reckoned(completion: Completion) -> int:
    """Tokens of an answer, reckoned from its text."""
    return math.ceil(tokens.expected(_text(completion)))


def generated(completion: Completion) -> int:
    """Tokens of an answer: what the endpoint counted, or our estimate where that count is too small to be believed."""
    said = _said(completion)
    # of a body that is kept as it came, the text is none of the answer's
    if not completion.choices or plainly_believed(completion) or believed(said, own := reckoned(completion)):
        return said
    return own


def plainly_believed(completion: Completion) -> bool:
    """Whether a count is believed by upper bounds of our estimate: first the length of the texts, then a closer one."""
    said, text = _said(completion), _text(completion)
    return believed(said, len(text)) or believed(said, math.ceil(tokens.most_expected(text)))


def _said(completion: Completion) -> int:
    return completion.tokens[1] if completion.tokens else 0


def _text(completion: Completion) -> str:
    """All texts of an answer in one; a space between two is no token."""
    return " ".join((completion.content, completion.reasoning, *(call.arguments for call in completion.tool_calls)))


def usage_in(body: str) -> Mapping[str, Json] | None:
    """The usage that the body of a completion says; None where it says none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    usage = document.get("usage") if isinstance(document, Mapping) else None
    return usage if isinstance(usage, Mapping) else None


class Budget:
    """Counts what one endpoint is asked; requests to the others are none of it.

    Args:
        limits: what may be spent.
        seconds: what earlier sessions took.
        role: of the endpoint (`Request.endpoint`); empty for the one under test.

    Attributes:
        reason: why nothing more is sent; empty while there is something left.
    """

    def __init__(self, limits: Limits, *, seconds: float = 0.0, role: str = "") -> None:
        self.limits = limits
        self.role = role
        self.requests = 0
        self.prompt = self.generated = 0
        self.seconds = seconds
        self.reason = ""

    @property
    def cost(self) -> float:
        """What the tokens cost at the given prices."""
        return (self.prompt * self.limits.price_input + self.generated * self.limits.price_output) / 1e6

    @property
    def seconds_left(self) -> float | None:
        """Seconds that this session may take; None without a limit."""
        minutes = self.limits.minutes
        return None if minutes is None else max(0.0, 60 * minutes - self.seconds)

    def replay(
        self,
        earlier: Iterable[Sent],
        sessions: Iterable[Mapping[str, Json]] = (),
        candidates: Iterable[Mapping[str, Json]] = (),
    ) -> None:
        """Count what was sent: for samples, at first contact, and for probabilities of a candidate.

        Args:
            earlier: `JournalReading.sent`.
            sessions: the `session` lines.
            candidates: the `candidate` lines.
        """
        contact = f"{self.role}_contact" if self.role else "contact"
        for spent in (*(session.get(contact, {}) for session in sessions), *candidates):
            self.requests += spent.get("requests", 0) - spent.get("unsent", 0)
            self.prompt += spent.get("prompt", 0)
            self.generated += spent.get("generated", 0)
        for sent in earlier:
            if sent.endpoint != self.role:
                continue
            self.requests += 1
            if sent.withdrawn:
                self.prompt += sent.reckoned
            elif sent.exchange is None:
                self.waste(sent.attempts, sent.reckoned)
            elif sent.exchange.completion is not None:
                self.count(sent.exchange.completion, sent.reckoned)

    def expect(self, requests: int) -> None:
        """Check that so many requests are left, for a step that is of no use in part.

        Raises:
            BudgetSpent: they are not.
        """
        if not self.left():
            raise BudgetSpent(self.reason)
        most = self.limits.requests
        if most is not None and self.requests + requests > most:
            raise BudgetSpent(
                f"it takes {counted(requests, 'request')}, and max-requests leaves {most - self.requests}"
            )

    def take(self) -> None:
        """Reserve one request.

        Raises:
            BudgetSpent: there is none left.
        """
        if not self.left():
            raise BudgetSpent(self.reason)
        self.requests += 1

    def count(self, completion: Completion, prompt: int = 0, own: int | None = None) -> None:
        """Count an answer and the tries before it.

        Args:
            completion: the answer.
            prompt: is used instead of what the endpoint counted, unless 0.
            own: `generated`, where that is known already.
        """
        if not completion.by_model:  # a list of models is no answer of the model
            return
        prompt = prompt or (completion.tokens or (0, 0))[0]
        self.prompt += prompt
        self.generated += generated(completion) if own is None else own
        self.waste(completion.attempts, prompt)

    def waste(self, attempts: Sequence[Attempt], prompt: int) -> None:
        """Count the tries that failed after the answer had begun."""
        for attempt in wasted(attempts):
            self.prompt += prompt
            self.generated += math.ceil(attempt.characters / CHARACTERS)

    def left(self) -> bool:
        """Whether another request may be sent; sets the reason when not."""
        if not self.reason:
            self.reason = next(self._reached(), "")
        return not self.reason

    def _reached(self) -> Iterator[str]:
        limits, tokens = self.limits, self.prompt + self.generated
        if limits.requests is not None and self.requests >= limits.requests:
            sent = f"{self.requests} {noun(self.requests, 'request was', 'requests were')} sent"
            yield self._spent("max-requests", f"{limits.requests}", sent)
        if limits.tokens is not None and tokens >= limits.tokens:
            used = f"{tokens} {noun(tokens, 'token was', 'tokens were')} used"
            yield self._spent("max-tokens", f"{limits.tokens}", used)
        if limits.cost is not None and self.cost >= limits.cost:
            yield self._spent("max-cost", figure(limits.cost), f"{figure(self.cost, 4)} were spent")
        if self.seconds_left == 0:
            yield self.overtime()

    def overtime(self) -> str:
        """Why a run stops whose time is up."""
        taken = "what was in flight was given up"
        return self._spent("max-minutes", figure(self.limits.minutes or 0.0), taken)

    def _spent(self, limited: str, limit: str, told: str) -> str:
        name = f"{self.role}-{limited}" if self.role else limited
        return f"budget spent: {name} is {limit}, {told}; with a larger one the same command goes on"
