"""Faults with tools inside system messages."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.hooks import Body, Check, lenient, of_body
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.tooling import (
    DYNAMIC_CHECKS,
    check_bare,
    check_duplicates,
    check_entries,
    check_names,
    check_placement,
    tools_of,
)


def _all_but(left_out: Callable[[Body], None]) -> Check:
    """The rules on dynamic tools without one of them."""

    def check(body: Body) -> None:
        for holds in DYNAMIC_CHECKS:
            if holds is not left_out:
                holds(body)

    return of_body(check)


def _request_only(call: Call) -> Call:
    return replace(call, tools=tools_of({"tools": call.body.get("tools")}))


def _messages_only(call: Call) -> Call:
    """The tools of messages alone, where there are any."""
    dynamic = tools_of({"messages": call.body.get("messages")})
    return replace(call, tools=dynamic or call.tools)


def _opening_only(call: Call) -> Call:
    """The tools of the request and of the first message."""
    messages = call.body.get("messages")
    first = messages[:1] if isinstance(messages, list) else []
    return replace(call, tools=tools_of({"tools": call.body.get("tools"), "messages": first}))


def _refuse(body: Body, _: Profile) -> None:
    messages = body.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, Mapping) and message.get("tools") is not None:
            raise Refusal(f"invalid messages[{number}]: unknown field tools")


FAULTS = (
    Fault("ignores-dynamic-tools", "checks tools in system messages, but does not offer them to the model",
          f"{FAILS}tools in system messages are not offered to the model", hear=_request_only),
    Fault("knows-no-dynamic-tools", "ignores tools in messages altogether, as a stock server does",
          f"{FAILS}they are not offered to the model, and malformed ones are accepted",
          waives=frozenset({ContractRule.DYNAMIC_TOOLS}), hear=_request_only),
    Fault("forgets-request-tools", "offers the tools of messages instead of those of the request",
          f"{FAILS}a tool of the request is not called beside dynamic ones", hear=_messages_only),
    Fault("reads-dynamic-tools-at-the-start-only", "offers dynamic tools only when the conversation begins with them",
          f"{FAILS}tools in later system messages are not offered to the model", hear=_opening_only),
    Fault("refuses-dynamic-tools", "refuses tools in messages",
          f"{FAILS}they are refused; that malformed ones are, too, proves nothing", check=_refuse),
    *lenient(
        ContractRule.DYNAMIC_TOOLS,
        f"{FAILS}malformed tools in messages are accepted",
        {
            "accepts-tools-in-user-message": ("takes tools in messages of users and assistants",
             _all_but(check_placement)),
            "accepts-tools-beside-content": ("takes tools in a system message that has content",
             _all_but(check_bare)),
            "accepts-malformed-dynamic-tools": ("takes anything as tools in a system message",
             _all_but(check_entries)),
            "accepts-bad-tool-names": ("takes dynamic tools with any name", _all_but(check_names)),
            "accepts-duplicate-tool-names": ("takes dynamic tools with the same name", _all_but(check_duplicates)),
        },
    ),
    Fault("accepts-tool-result-without-id", "takes a tool's result that does not say which call it answers",
          f"{FAILS}results of tools without an id are accepted", waives=frozenset({ContractRule.TOOL_MESSAGES})),
)  # fmt: skip
