"""What came of one request of `kvv profiles new`, and where its answer has thinking, numbers and words."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from kvv_action.schema import Json
from kvv_action.spoken import message_in

REFUSALS = (400, 422)
FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Fields in which messages usually have their thinking."""
OTHERS = frozenset({"role", "content", "refusal", "name", "id", "tool_call_id", "type", "model"})
"""Fields of messages that hold no thinking."""
WORDS = 4
"""Words of a text in a field of another name from which on it is taken for thinking."""
SWAPS = (("begin", "end"), ("start", "end"), ("open", "close"), ("bot", "eot"), ("before", "after"))
"""How what ends thinking may be called, by what opens it."""
_OPENING = re.compile(r"[<\[({◁⟨〈«【‹][^\s\w]{0,2}\w[^\s\[\](){}<>◁▷⟨⟩〈〉«»【】‹›]{0,40}[>\])}▷⟩〉»】›]{1,2}")
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,_]*(?:\.\d+)?(?!\w|\.\d)", re.ASCII)
_LISTED = re.compile(
    r"(?:one of|allowed|supported|accepted|expected|valid|values?|levels?|choose|either|must be)\b[^\w\n]*(.{1,300})",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"[A-Za-z0-9][\w.-]{0,23}")
_NO_LEVELS = frozenset(
    {"or", "and", "one", "of", "are", "is", "be", "the", "none", "null", "got", "input", "must", "not"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoutReply:
    """What came of one request: a JSON document, or a refusal with its words."""

    status: int
    document: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    @property
    def served(self) -> bool:
        """Whether it was answered."""
        return self.status < 300 and bool(self.document)

    @property
    def refused(self) -> bool:
        """Whether what was asked for was refused."""
        return self.status in REFUSALS

    @property
    def choice(self) -> Mapping[str, Any]:
        """The first choice."""
        choices = self.document.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        return first if isinstance(first, Mapping) else {}

    @property
    def message(self) -> Mapping[str, Any]:
        """The first choice's message."""
        found = self.choice.get("message")
        return found if isinstance(found, Mapping) else {}

    @property
    def calls(self) -> Sequence[Mapping[str, Any]]:
        """The tool calls of the answer that name a function; those of another form are left out."""
        made = self.message.get("tool_calls")
        calls = made if isinstance(made, list) else []
        return [one for one in calls if isinstance(one, Mapping) and isinstance(one.get("function"), Mapping)]

    @property
    def content(self) -> str:
        """The text of the answer."""
        found = self.message.get("content")
        return found if isinstance(found, str) else ""

    @property
    def prompt_tokens(self) -> int | None:
        """As usage counts them."""
        usage = self.document.get("usage")
        found = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
        return found if isinstance(found, int) else None

    @property
    def answer_field(self) -> str:
        """The field of the message that holds its thinking, whatever it is called; empty where none does."""
        texts = {name: text for name, text in self.message.items() if isinstance(text, str) and text.strip()}
        others = (name for name, text in texts.items() if name not in OTHERS and len(text.split()) >= WORDS)
        return next(iter((*(name for name in FIELDS if name in texts), *others)), "")

    @property
    def inline(self) -> tuple[str, str] | None:
        """What opens and what ends the thinking at the beginning of the content; None without both."""
        text = self.content.lstrip()
        opening = _OPENING.match(text)
        if opening is None:
            return None
        ends = (closing for closing in closings(opening[0]) if closing in text[opening.end() :])
        closing = next(ends, None)
        return None if closing is None else (opening[0], closing)

    @property
    def thought(self) -> bool:
        """Whether it holds thinking; of an answer that was cut the beginning is enough."""
        cut = self.choice.get("finish_reason") == "length"
        begun = cut and _OPENING.match(self.content.lstrip()) is not None
        return bool(self.answer_field or self.inline or begun)

    @property
    def message_text(self) -> str:
        """The sentence of a refusal, or all of its words where it has no usual form."""
        with suppress(orjson.JSONDecodeError):
            return (message_in(orjson.loads(self.words)) or self.words)[:4000]
        return self.words[:4000]

    @property
    def numbers(self) -> Sequence[float | int]:
        """The numbers in the words of a refusal, each once."""
        found = (re.sub(r"[,_]", "", match[0]) for match in _NUMBER.finditer(self.message_text))
        return [orjson.loads(one) for one in dict.fromkeys(found) if len(one) <= 15 and _is_json(one)]

    @property
    def names_told(self) -> frozenset[str]:
        """All words of a refusal that may be names of fields; empty if the request was served."""
        return frozenset(re.findall(r"\w+", self.message_text))

    @property
    def listed(self) -> Sequence[str]:
        """The words that a refusal lists as allowed, in their order."""
        found = (word for match in _LISTED.finditer(self.message_text) for word in _WORD.findall(match[1]))
        return [word for word in dict.fromkeys(found) if word.lower() not in _NO_LEVELS]


class ProfilePost(Protocol):
    """Posts a body below the base URL (a path without a body is fetched) and hands over what came."""

    def __call__(self, path: str, body: Mapping[str, Json] | None) -> Awaitable[ScoutReply]:
        """Failures other than refusals are raised."""
        ...


def closings(opening: str) -> Sequence[str]:
    """What may end thinking that `opening` opens."""
    first = re.search(r"\w", opening)
    at = first.start() if first else 1
    slashed = {f"{opening[:place]}/{opening[place:]}" for place in (1, at)}
    swapped = [
        opening.replace(form(begin), form(end))
        for begin, end in SWAPS
        for form in (str.lower, str.upper)
        if form(begin) in opening
    ]
    ended = f"{opening[:at]}end_{opening[at:]}"
    return [one for one in (*sorted(slashed), *swapped, ended) if one != opening]


def _is_json(number: str) -> bool:
    return re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", number, re.ASCII) is not None
