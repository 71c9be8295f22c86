"""Answers that are all wrong in one way: one text for whatever is asked, or text that comes backwards."""

import re
from collections.abc import Iterator

import orjson

from kvv_action.causes import Cause
from kvv_action.schema import Completion, Place, Severity
from kvv_action.verdict.checks import damage, filing, usage
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, SeenFinding, Sightings, Sign

FEWEST, LEAST = 15, 0.6
"""Samples, and share of all answers, that one text must be the answer to."""
KEPT = 1000
"""Different texts that are counted: one that answers everything is among the first."""
LONG = 8
"""Characters of a text from which on it can be told from a short right answer."""
LINE = 12
"""Characters of a line from which on it can be found backwards in the request."""
_TURNS = re.compile(r"revers|backward|mirror|palindrom|anagram|倒|逆|反转", re.IGNORECASE)
"""Requests that may ask for such a text."""

ONE_TEXT = Cause(
    id="one-answer-to-everything",
    sentence="one and the same text is the answer to nearly everything that is asked",
    remedy=(
        "read the text in the example: an error that comes as an answer, a refusal by a filter or guard, or a stub in "
        "the place of the model"
    ),
    explains=(*(cause.id for cause in (*damage.CAUSES, *filing.CAUSES, *usage.CAUSES)), usage.CAP.id),
)
REVERSED = Cause(
    id="text-reversed",
    sentence="text comes backwards",
    remedy="look for a gateway or filter that reverses text, or takes it for a script that runs from right to left",
    explains=("not-language",),
    seldom_shown=True,
)
CAUSES = (REVERSED,)
RULES: dict[str, Rule] = {}
ONE_TEXT_RULE = Rule(severity=Severity.FAILURE)


def wholesale_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """A line of the answer that stands in the request, backwards."""
    text = answer.completion.content.strip()
    most = len(answer.request) + 1  # a longer line does not stand in it
    for line in map(str.strip, text[:most].splitlines()[:1] + text[-most:].splitlines()[-1:]):
        turned = line[::-1]
        known = len(line) >= LINE and " " in line and turned != line and _in_json(turned) in answer.request
        if known and _in_json(line) not in answer.request and not _TURNS.search(answer.request):
            yield Sign(cause=REVERSED, shown=text)
            return


def _in_json(text: str) -> str:
    """A text as it stands in the body of a request."""
    return orjson.dumps(text.encode(errors="replace").decode()).decode()[1:-1]


class SameTextCheck:
    """Counts how many samples have the same text as their answer; of a redacted journal, the same digest."""

    def __init__(self) -> None:
        self._answers = 0
        self._seen: dict[int, Sightings] = {}

    def see(self, place: Place, completion: Completion) -> None:
        """Count an answer."""
        self._answers += 1
        text = " ".join(completion.content.split())
        if completion.tool_calls or len(text) < LONG or " " not in text:
            return
        key = hash(text)
        known = self._seen.get(key)
        if known is None and len(self._seen) < KEPT:
            known = self._seen[key] = Sightings(cause=ONE_TEXT)
        if known is not None:
            known.add(place, text)

    def findings(self) -> Iterator[SeenFinding]:
        """The finding, where one text is the answer to most of many samples."""
        for seen in self._seen.values():
            often = seen.count >= LEAST * self._answers
            if often and len({(benchmark, index) for benchmark, index, _ in seen.slots}) >= FEWEST:
                yield seen.seen(self._answers, ONE_TEXT_RULE)
