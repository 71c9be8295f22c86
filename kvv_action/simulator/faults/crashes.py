"""Faults that let a class of requests crash the server, and refusals that look like a crash."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.conversation import messages_of, text_of
from kvv_action.simulator.faults.hooks import Body, Check
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.sight import has_pictures
from kvv_action.simulator.thinking import asked
from kvv_action.simulator.wire import DONE, EVENTS, Ending, Reply

LONG = 20_000
"""Characters of a message that a vendor with too little memory cannot take."""


def crashes(hit: Callable[[Body, Profile], object], status: int = 500, text: str = "internal server error") -> Check:
    """A crash at every request for which `hit` is true."""

    def check(body: Body, profile: Profile) -> None:
        if hit(body, profile):
            raise Refusal(text, status=status, kind="server_error")

    return check


def _holds_key(value: Json, key: str) -> bool:
    if isinstance(value, Mapping):
        return key in value or any(_holds_key(one, key) for one in value.values())
    return isinstance(value, list) and any(_holds_key(one, key) for one in value)


def _in_schemas(key: str) -> Callable[[Body, Profile], object]:
    return lambda body, _: _holds_key(body.get("tools"), key) or _holds_key(body.get("response_format"), key)


def _forced_thinking(body: Body, profile: Profile) -> bool:
    return body.get("tool_choice") == "required" and asked(body, profile.thinking).on


def roles_of(body: Body) -> Sequence[Json]:
    """The roles of the messages, in their order."""
    return [message.get("role") for message in messages_of(body)]


def _lost(body: Body) -> bool:
    return "tool" in roles_of(body)


def _reset(reply: Reply, turn: Turn) -> Reply:
    """The connection is closed after the head of the response."""
    hit = turn.call is not None and _lost(turn.call.body)
    return replace(reply, parts=(), ending=Ending.ABORTED) if hit else reply


def _emptied(reply: Reply, turn: Turn) -> Reply:
    hit = turn.call is not None and turn.call.tools and reply.streamed
    return replace(reply, parts=(DONE,)) if hit else reply


def _as_server_error(reply: Reply, turn: Turn) -> Reply:
    """The status with which llama.cpp answers a mistake of the client."""
    return replace(reply, status=500) if turn.call is None and reply.status in (400, 422) else reply


def _as_error_event(reply: Reply, turn: Turn) -> Reply:
    """The way in which `transformers serve` refuses: a stream begins and holds only the refusal."""
    if turn.call is not None or reply.status not in (400, 422):
        return reply
    return replace(reply, status=200, content_type=EVENTS, parts=(b"data: " + b"".join(reply.parts) + b"\n\n",))


CRASHES = f"{FAILS}this class of requests crashes the server"


def crash(name: str, which: str, check: Check) -> Fault:
    """A fault that lets a class of requests crash the server."""
    return Fault(name, f"fails at {which}, every time", CRASHES, check=check)


FAULTS = (
    crash("crashes-on-schema-refs", "schemas with $ref (500)", crashes(_in_schemas("$ref"))),
    crash("crashes-on-schema-unions", "schemas with anyOf (502)", crashes(_in_schemas("anyOf"), 502, "bad gateway")),
    crash("crashes-on-forced-thinking", "tool_choice required while the model thinks (500)", crashes(_forced_thinking)),
    crash("crashes-on-pictures", "pictures (500)", crashes(lambda body, _: has_pictures(messages_of(body)))),
    crash("crashes-on-streams-with-tools", "streamed requests with tools (500)",
          crashes(lambda body, _: body.get("tools") and body.get("stream"))),
    crash("crashes-on-system-messages", "system messages (500)", crashes(lambda body, _: "system" in roles_of(body))),
    crash("crashes-on-plain-requests", "requests that are not streamed (504)",
          crashes(lambda body, _: not body.get("stream"), 504, "gateway time-out")),
    crash("crashes-on-stop", "requests with stop sequences (500)", crashes(lambda body, _: body.get("stop"))),
    crash("crashes-on-long-prompts", f"messages above {LONG} characters (500)",
          crashes(lambda body, _: any(len(text_of(message)) > LONG for message in messages_of(body)),
                  500, "out of memory")),
    Fault("resets-on-tool-results", "closes the connection when the history holds a tool's result",
          CRASHES, send=_reset),
    Fault("empties-streams-with-tools", "sends an empty stream where tools are offered",
          CRASHES, send=_emptied),
    Fault("refuses-with-server-error", "refuses invalid requests with HTTP 500",
          "a warning: invalid requests are refused with the wrong status", send=_as_server_error),
    Fault("refuses-with-error-event", "refuses invalid requests with HTTP 200 and an error event",
          "a warning: invalid requests are refused with the wrong status", send=_as_error_event),
)  # fmt: skip
