"""Other surfaces of the official API: they must give the same answer, usage and calls as a chat, not streamed.

They are probed only if the profile says that the official API has them. A server without one gets information;
a server that answers differently from its own chat gets a warning.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from benchmarks.precheck.again import quoted
from benchmarks.precheck.ask import ask, cap
from benchmarks.precheck.calls import WEATHER, about_weather
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.probe import Probe, broken, holds, informs, refused, weighed
from benchmarks.precheck.usage import count_of
from kvv_action.benchmark import Options
from kvv_action.digits import noun
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile, Surface
from kvv_action.profiles.prompt import CHANNEL
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Severity

READY = "READY"
TEXT = f"Reply with exactly: {READY}"
CITY = "Oslo"

# fmt: off
SURFACE_BROKEN = ProbeCause("another surface of the API does not answer as it should",
    "translate requests and answers of /responses and /anthropic/v1/messages as their documentation says, or "
    "answer 404 where they are not served")
SURFACE_COUNTS = ProbeCause("another surface of the API counts the same prompt differently",
    "render one prompt for the same conversation, whichever surface it comes by")
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an answer says, whichever surface it came by: its text, its calls by name and arguments, its prompt."""

    text: str
    calls: tuple[tuple[str, Json], ...]
    prompt_tokens: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _SurfaceForm:
    """How a surface is asked and read.

    Attributes:
        path: below the base URL, or below its origin.
        limit: the field for `max_tokens`.
        asks: the field of the conversation, for a user's text.
        tool: a chat's tool in this form.
        read: what a document says; raises what a wrong shape raises.
    """

    path: str
    limit: str
    asks: Callable[[str], Mapping[str, Json]]
    tool: Callable[[Mapping[str, Json]], Json]
    read: Callable[[Mapping[str, Json]], Said]


def _response(document: Mapping[str, Json]) -> Said:
    items = document["output"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    return Said(
        text="".join(part["text"] for part in parts if part["type"] == "output_text"),
        calls=tuple((call["name"], orjson.loads(call["arguments"])) for call in calls),
        prompt_tokens=document["usage"]["input_tokens"],
    )


def _message(document: Mapping[str, Json]) -> Said:
    blocks = document["content"]
    return Said(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        calls=tuple((block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"),
        prompt_tokens=document["usage"]["input_tokens"],
    )


FORMS: Mapping[Surface, _SurfaceForm] = {
    Surface.RESPONSES: _SurfaceForm(
        path="responses",
        limit="max_output_tokens",
        asks=lambda text: {"input": text},
        tool=lambda function: {"type": "function", **function},
        read=_response,
    ),
    Surface.MESSAGES: _SurfaceForm(
        path="/anthropic/v1/messages",
        limit="max_tokens",
        asks=lambda text: {"messages": [{"role": "user", "content": text}]},
        tool=lambda function: {
            "name": function["name"],
            "description": function["description"],
            "input_schema": function["parameters"],
        },
        read=_message,
    ),
}


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """A text and a call by each surface, after the same by chat."""
    del options
    for surface in profile.surfaces:
        form = FORMS[surface]
        for name, text, tools in (("answer", TEXT, []), ("call", about_weather(CITY), [WEATHER])):
            room = cap(profile, 4)
            body: dict[str, Json] = {"tools": tools} if tools else {}
            chat = ask(profile, text, stream=False, max_tokens=room, **body)
            judge = partial(_same, form, called=bool(tools))
            yield Probe(
                id=f"surfaces.{surface}.{name}",
                requests=(chat, _request(form, text, tools, room)),
                judge=judge,
                optional=True,
                tier="full",
            )


def _request(form: _SurfaceForm, text: str, tools: Sequence[Json], room: int) -> Request:
    body: dict[str, Json] = {**form.asks(text), form.limit: room}
    if tools:
        body["tools"] = [form.tool(tool["function"]) for tool in tools]
    return Request(path=form.path, body=body, sampling=False, stream=False, verbatim=True)


def _same(form: _SurfaceForm, exchanges: Sequence[Exchange], *, called: bool) -> Score:
    """The surface's answer against the chat's.

    Raises:
        Undecided: the chat has no answer.
    """
    if not exchanges or exchanges[0].completion is None:
        raise Undecided("the chat is not answered, so that nothing can be compared with it")
    if len(exchanges) < 2 or exchanges[1].completion is None:
        why = refused(exchanges[1]) if len(exchanges) > 1 else "it fails"
        return informs(f"{form.path} is not served ({why})")
    said = _read(form, exchanges[1].completion)
    if isinstance(said, Score):
        return weighed(said, Severity.WARNING)
    return weighed(_judged(exchanges[0].completion, said, called=called), Severity.WARNING)


def _read(form: _SurfaceForm, answer: Completion) -> Said | Score:
    try:
        return form.read(orjson.loads(answer.content))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        explanation = f"{form.path} answers in another form ({type(error).__name__}): {quoted(answer.content)}"
        return broken(explanation, SURFACE_BROKEN)


def _judged(chat: Completion, said: Said, *, called: bool) -> Score:
    counted, expected = said.prompt_tokens, count_of(chat, "prompt_tokens")
    if not called and READY in chat.content and READY not in said.text:
        return broken(f"the chat answers {READY}, the surface {quoted(said.text)}", SURFACE_BROKEN)
    if called and chat.tool_calls and not _asks_about_city(said):
        return broken(
            f"the chat calls a tool for {CITY}, the surface {said.calls}: {quoted(said.text)}", SURFACE_BROKEN
        )
    if expected is not None and not _near(counted, expected):
        return broken(
            f"the chat counts {expected} prompt {noun(expected, 'token')}, the surface {counted}", SURFACE_COUNTS
        )
    return holds(f"as the chat, with {counted} prompt {noun(counted, 'token')}")


def _asks_about_city(said: Said) -> bool:
    return any(name == "get_weather" and CITY in str(arguments) for name, arguments in said.calls)


def _near(counted: Json, expected: int) -> bool:
    whole = isinstance(counted, int) and not isinstance(counted, bool)
    return whole and abs(counted - expected) <= CHANNEL
