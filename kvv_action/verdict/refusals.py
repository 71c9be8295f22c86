"""The one text with which an endpoint refuses everything: where there is one, it is the cause, told once."""

import re
from dataclasses import dataclass, field

from kvv_action.causes import Cause
from kvv_action.digits import noun
from kvv_action.journal.reading import Sent
from kvv_action.schema import Exchange, Finding, Severity
from kvv_action.spoken import began_in
from kvv_action.statistics.intervals import wilson

BEGAN = Cause(
    id="endpoint-began-to-refuse",
    sentence="the endpoint began to refuse after {count} answers: {words}",
    remedy=(
        "look for what changed while the run went on (the key, its quota, the name or the deployment of the model), "
        "then run again: what was answered is kept"
    ),
)
LONGEST = 300
FEWEST_ALIKE = 2
"""Refusals from which on it is said that they are alike."""
_VARYING = re.compile(r"\b[0-9a-f]{4,}(-[0-9a-f]{4,})+\b|\b\w*\d\w*\b", re.IGNORECASE)
"""Numbers and ids of requests, which differ from one refusal to the next."""
_ALIKE = re.compile(r"the endpoint refused all \d+ requests alike \(.*?\)(?=; |$)", re.DOTALL)


def told_of_all(reason: str) -> str:
    """The one text that refused everything, with which the reason of a run begins then; else empty."""
    found = _ALIKE.match(reason)
    return found[0] if found else ""


@dataclass(slots=True, kw_only=True)
class RefusalTally:
    """Collects how requests to the endpoint under test were refused; memory does not grow with them.

    Attributes:
        answered: requests that brought an answer of the model.
        since: requests that were refused after the last answer.
        other: requests that were lost without a word of the endpoint.
    """

    answered: int = 0
    since: int = 0
    other: int = 0
    refused: int = 0
    benchmarks: set[str] = field(default_factory=set)
    text: str = ""
    _kinds: set[str] = field(default_factory=set)

    def add(self, sent: Sent) -> None:
        """Count one request to the endpoint under test."""
        exchange = sent.exchange
        if exchange is not None and exchange.completion is not None:
            answers = exchange.completion.by_model  # a list of models is no answer of the model
            self.answered += answers
            self.since = 0 if answers else self.since
        elif text := _words(sent, exchange):
            self.refused += 1
            self.since += 1
            self.benchmarks.add(sent.place.benchmark)
            self.text = self.text or text
            if len(self._kinds) < 2:
                self._kinds.add(_VARYING.sub("#", text))
        else:
            self.other += not sent.withdrawn

    def cause(self) -> str:
        """What to say when every request was refused alike; empty when they were not."""
        if self.answered or self.other or self.refused < FEWEST_ALIKE or len(self._kinds) != 1:
            return ""
        return f"the endpoint refused all {self.refused} requests alike ({self.text})"

    def began(self, ended: str, *, plain: bool) -> Finding | None:
        """That everything was refused from some answer on, where the run ended by that; it judges no answer.

        Args:
            ended: why the run is not complete.
            plain: as `RunPlan.plain_reports`: one answer is no "1 answers".
        """
        told = began_in(ended)
        if told is None:
            return None
        count, words = told
        sentence = BEGAN.sentence.replace("answers", noun(count, "answer")) if plain else BEGAN.sentence
        of = max(1, self.answered + self.refused)
        return Finding(
            cause_id=BEGAN.id,
            severity=Severity.WARNING,
            cause=sentence.format(count=count, words=words[:LONGEST]),
            remedy=BEGAN.remedy,
            count=self.since,
            of=of,
            interval=wilson(self.since / of, of),
            benchmarks=tuple(sorted(self.benchmarks)),
            evidence=(),
        )


def _words(sent: Sent, exchange: Exchange | None) -> str:
    """A refusal with its status; empty when no answer came."""
    if exchange is not None and exchange.rejection is not None:
        rejection = exchange.rejection
        prefix = f"HTTP {rejection.status}"
        return (rejection.message if rejection.message.startswith(prefix) else f"{prefix}: {rejection.message}")[
            :LONGEST
        ]
    last = sent.attempts[-1] if sent.attempts else None
    return last.message[:LONGEST] if last is not None and (last.status or 0) >= 400 else ""
