"""Faults that hit a whole class of requests: what crashes the server, and what it turns away though it must not."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.faults.hooks import Body, Check
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.thinking import asked
from kvv_action.simulator.tokens import conversation_tokens

WINDOW = 32_767
_OWN_ID = re.compile(r"(?:functions\.)?[\w.-]+:\d+")
"""Ids as K2 and K3 write them."""
LARGEST_BODY = 1024 * 1024


def _crashes(hit: Callable[[Body, Profile], object]) -> Check:
    def check(body: Body, profile: Profile) -> None:
        if hit(body, profile):
            raise Refusal("internal server error", status=500, kind="server_error")

    return check


def _has_reference(value: Json) -> bool:
    if isinstance(value, Mapping):
        return "$ref" in value or any(map(_has_reference, value.values()))
    return isinstance(value, list) and any(map(_has_reference, value))


def _references(body: Body, _: Profile) -> bool:
    return _has_reference(body.get("tools")) or _has_reference(body.get("response_format"))


def _forced_thinking(body: Body, profile: Profile) -> bool:
    return body.get("tool_choice") == "required" and asked(body, profile.thinking).on


def _small_window(body: Body, _: Profile) -> None:
    messages: Sequence[Mapping[str, Any]] = messages_of(body)
    tokens = conversation_tokens(messages, body.get("tools"))
    if tokens > WINDOW:
        raise Refusal(f"this model's maximum context length is {WINDOW} tokens, your messages have {tokens}")


def _small_body(body: Body, _: Profile) -> None:
    if len(orjson.dumps(body)) > LARGEST_BODY:
        raise Refusal("not found", status=404, kind="not_found_error")


def _foreign_ids(answer: Answer, call: Call) -> Answer:
    """An empty turn where the history holds calls with ids of another API."""
    made = (call_ for message in call.messages for call_ in message.get("tool_calls") or ())
    if all(_OWN_ID.fullmatch(str(one.get("id", ""))) for one in made):
        return answer
    return replace(answer, content="", reasoning="", tool_calls=(), finish_reason="stop")


FAULTS = (
    Fault(
        name="crashes-on-schema-refs",
        summary="answers 500 to every schema with $ref",
        conclusion="Pre-Verification fails: this class of requests crashes the server",
        check=_crashes(_references),
    ),
    Fault(
        name="crashes-on-forced-thinking",
        summary="answers 500 to tool_choice required while the model thinks",
        conclusion="Pre-Verification fails: this class of requests crashes the server",
        check=_crashes(_forced_thinking),
    ),
    Fault(
        name="refuses-long-prompts",
        summary=f"refuses prompts above {WINDOW} tokens",
        conclusion="the context is smaller than the profile's",
        check=_small_window,
    ),
    Fault(
        name="refuses-large-bodies",
        summary="answers 404 to bodies above 1 MiB",
        conclusion="a limit of the body is found and named",
        check=_small_body,
    ),
    Fault(
        name="silent-on-foreign-ids",
        summary="answers with an empty turn when ids in the history are not the model's own",
        conclusion="foreign ids in the history break the turn",
        say=_foreign_ids,
    ),
)
