"""A request as the vendor understands it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvv_action.profiles.model import Profile
from kvv_action.profiles.token_cases import load
from kvv_action.schema import Json, Message
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.fingerprint import Fingerprint
from kvv_action.simulator.formats import schema_of
from kvv_action.simulator.parameters import MOST_CHOICES, is_integer, is_number
from kvv_action.simulator.sight import Sight
from kvv_action.simulator.thinking import asked
from kvv_action.simulator.tooling import Tool, ToolChoice, chosen, tools_of

FORM = "functions.{name}:{index}"
"""Ids of calls where the profile documents none."""

FEW = 64
"""Up to so many tokens, an answer is drawn from the model. A longer answer is the right one, read by the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked, every default filled in.

    Attributes:
        fingerprint: of the messages as they were sent.
        effort: level of thinking, empty when the model has none.
        tool_name: the tool that must be called, empty when none is named.
        parallel: several tools may be called in one turn.
        schema: what the content must follow, None for any text.
        max_tokens: of reasoning and content together, None for no limit.
        choices: how many answers are wanted.
        sight: how well the pictures are seen; only faults make it worse.
        raw: a completion of a prompt, whose answer is text alone.
        varied: the vendor knows the question, but not in these words or in this order.
        id_format: form of the ids of calls, with `{name}` and `{index}`.
        template: name of the file with the model's exact token counts; empty when its template is not known.
        temperature, top_p: at which tokens are drawn; those of the profile where the request says nothing.
        logprobs: how many of the likeliest tokens are shown at each place beside the one taken; None for nothing.
        processed: probabilities are shown as they are sampled from, at the temperature and behind top_p.
        of_content: probabilities are shown for the content alone.
        markers: the model's control tokens; in a raw prompt each is one token.
        cacheable: the prefix cache is used.
        cached: tokens of the prompt that came from it.
    """

    body: Mapping[str, Json]
    messages: Sequence[Message]
    fingerprint: Fingerprint
    model: str
    stream: bool
    include_usage: bool
    thinking: bool
    effort: str
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice
    tool_name: str
    parallel: bool
    schema: Json
    max_tokens: int | None
    stop: tuple[str, ...]
    choices: int
    sight: Sight = Sight.CLEAR
    raw: bool = False
    varied: bool = False
    template: str = ""
    id_format: str = FORM
    temperature: float = 1.0
    top_p: float = 1.0
    logprobs: int | None = None
    processed: bool = False
    of_content: bool = False
    markers: tuple[str, ...] = ()
    cacheable: bool = True
    cached: int = 0

    @property
    def improvised(self) -> bool:
        """Whether the answer is drawn from the model: a single token, and a few whose probabilities are asked for."""
        free = self.schema is None and self.tool_choice is not ToolChoice.REQUIRED
        few = 1 if self.logprobs is None else FEW
        return free and self.max_tokens is not None and self.max_tokens <= few


def read(body: Mapping[str, Json], prints: Fingerprint, profile: Profile) -> Call:
    """Understand `body`; what breaks a rule that was waived is read as if it had not been sent."""
    thinking = asked(body, profile.thinking)
    choice = chosen(body)
    options = body.get("stream_options")
    return Call(
        body=body,
        messages=messages_of(body),
        fingerprint=prints,
        model=str(body.get("model")),
        stream=body.get("stream") is True,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        thinking=thinking.on,
        effort=thinking.effort,
        tools=tools_of(body),
        tool_choice=choice.choice,
        tool_name=choice.name,
        parallel=body.get("parallel_tool_calls") is not False,
        schema=schema_of(body),
        max_tokens=_positive(body, "max_completion_tokens") or _positive(body, "max_tokens"),
        stop=_stops(body.get("stop")),
        choices=min(_positive(body, "n") or 1, MOST_CHOICES),
        raw="prompt" in body,
        template=profile.tokens.cases if profile.tokens.cases and load(profile.tokens.cases).rendered else "",
        id_format=profile.call_ids.format or FORM,
        temperature=_decoding(body, profile, "temperature", thinking=thinking.on),
        top_p=_decoding(body, profile, "top_p", thinking=thinking.on),
        logprobs=_logprobs(body),
        markers=profile.markers,
    )


def _decoding(body: Mapping[str, Json], profile: Profile, name: str, *, thinking: bool) -> float:
    """A decoding parameter: as it was sent, else as the profile locks it, else 1."""
    locked = (one.only(thinking=thinking) for one in profile.parameters if one.name == name)
    value: Json = body.get(name) if is_number(body.get(name)) else next(locked, None)
    return float(value) if is_number(value) else 1.0


def _logprobs(body: Mapping[str, Json]) -> int | None:
    """How many tokens are shown at each place: chats say it beside `logprobs: true`, prompts in `logprobs` itself."""
    if "prompt" in body:
        given = (body.get(name) for name in ("logprobs", "prompt_logprobs"))
        return max((value for value in given if is_integer(value)), default=None)
    return (_positive(body, "top_logprobs") or 0) if body.get("logprobs") is True else None


def _positive(body: Mapping[str, Json], name: str) -> int | None:
    value: Json = body.get(name)
    return value if is_integer(value) and value > 0 else None


def _stops(value: Json) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text for text in given if isinstance(text, str) and text)
