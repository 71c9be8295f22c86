"""Other surfaces than the chat, where the chat's answer has no form there."""

from typing import Any

import orjson
import pytest

from kvv_action.profiles.model import Surface
from kvv_action.simulator.surfaces import translated
from kvv_action.simulator.wire import Reply


def replied(message: dict[str, Any], **chat: Any) -> Reply:
    """The embedded vendor's answer to a chat."""
    choice = {"message": {"content": "", **message}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    document = {"id": "x", "model": "m", "created": 1, "choices": [choice], "usage": usage, **chat}
    return Reply(parts=(orjson.dumps(document),), headers={"x-request-id": "req-1"}, delay=0.5)


def test_a_call_whose_arguments_are_no_json_is_refused_as_a_server_does() -> None:
    """The surface has objects only; a defect of the embedded vendor itself would be answered with 500."""
    function = {"name": "f", "arguments": '{"a": 1'}
    reply = translated(Surface.MESSAGES, replied({"tool_calls": [{"id": "c", "function": function}]}))
    assert (reply.status, reply.headers, reply.delay) == (400, {"x-request-id": "req-1"}, 0.5)
    assert "the arguments of the tool call are not JSON" in reply.parts[0].decode()


@pytest.mark.parametrize("surface", list(Surface))
@pytest.mark.parametrize(
    "reply", [replied({}, choices=[]), replied({}, usage=None), Reply(parts=(b'{"id": "x", "cho',)), Reply(parts=())]
)
def test_what_is_no_answer_of_a_chat_stays_as_it_is(surface: Surface, reply: Reply) -> None:
    """Faults of the delivery are delivered there as well."""
    assert translated(surface, reply) == reply
