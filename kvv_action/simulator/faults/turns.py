"""Faults in unusual turns with tools: text beside calls, single and named calls, odd names, many tools, results."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import messages_of, past_calls
from kvv_action.simulator.faults.calling import called_as_asked, in_calls, without_calls
from kvv_action.simulator.faults.chunks import Document, in_answers
from kvv_action.simulator.faults.hooks import Body, Say, refuses, when_streamed
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.tooling import Tool, ToolChoice
from kvv_action.simulator.wire import Reply

FEW_TOOLS, SHORT_NAME = 64, 32


def _without_content(document: Document) -> Document:
    """The document without its text; role and calls stay."""
    choices = []
    for choice in document["choices"]:
        part = "delta" if "delta" in choice else "message"
        told = choice[part]
        choices.append({**choice, part: {**told, "content": ""} if told.get("content") else told})
    return {**document, "choices": choices}


def _text_lost(reply: Reply, turn: Turn) -> Reply:
    """The text beside calls is lost on the way out, after it was counted."""
    beside = turn.answer is not None and turn.answer.tool_calls and turn.answer.content
    return in_answers(_without_content)(reply, turn) if beside else reply


def _text_unsaid(answer: Answer, _: Call) -> Answer:
    return replace(answer, content="") if answer.tool_calls else answer


def _calls_lost(answer: Answer, _: Call) -> Answer:
    return without_calls(answer, answer.content) if answer.content else answer


def _later_arguments(text: str) -> Say:
    """Other arguments in the second and later calls of an answer."""

    def say(answer: Answer, _: Call) -> Answer:
        later = tuple(replace(made, arguments=text) for made in answer.tool_calls[1:])
        return replace(answer, tool_calls=(*answer.tool_calls[:1], *later))

    return say


def _reversed(answer: Answer, _: Call) -> Answer:
    """The calls in the reverse order, under the ids in their order."""
    ids = [made.id for made in answer.tool_calls]
    made = [replace(one, id=id_) for one, id_ in zip(reversed(answer.tool_calls), ids, strict=True)]
    return replace(answer, tool_calls=tuple(made))


def _auto_for_named(call: Call) -> Call:
    return replace(call, tool_choice=ToolChoice.AUTO, tool_name="") if call.tool_name else call


def _calls_later(answer: Answer, call: Call) -> Answer:
    """Calls although tool_choice is none, after an earlier turn with a call."""
    later = call.tool_choice is ToolChoice.NONE and past_calls(call.messages)
    return called_as_asked(answer, call) if later else answer


def _only(keeps: Callable[[int, Tool], bool]) -> Callable[[Call], Call]:
    """Some of the tools do not reach the model."""
    return lambda call: replace(call, tools=tuple(one for at, one in enumerate(call.tools) if keeps(at, one)))


def _functions(body: Body) -> list[Mapping[str, Json]]:
    tools = body.get("tools")
    entries = (
        [entry.get("function") for entry in tools if isinstance(entry, Mapping)] if isinstance(tools, list) else []
    )
    return [function for function in entries if isinstance(function, Mapping)]


def _is_bare(body: Body) -> bool:
    return any("parameters" not in function for function in _functions(body))


def _has_dashes(body: Body) -> bool:
    return any("-" in str(function.get("name")) for function in _functions(body))


def _named(change: Callable[[str], str]) -> Say:
    return in_calls(lambda made, _: replace(made, name=change(made.name)))


def _results(messages: list[Message]) -> tuple[int, list[str]]:
    """Where the results that end a conversation begin, and the ids of the calls before them."""
    start = len(messages)
    while start and messages[start - 1].get("role") == "tool":
        start -= 1
    made = messages[start - 1].get("tool_calls") if start else None
    return start, [str(call.get("id")) for call in made or ()]


def _by_position(call: Call) -> Call:
    """Results are taken for those of the calls at their positions."""
    messages = list(call.messages)
    start, ids = _results(messages)
    for at, identifier in zip(range(start, len(messages)), ids, strict=False):
        messages[at] = {**messages[at], "tool_call_id": identifier}
    return replace(call, messages=messages)


def _in_order(messages: list[Message]) -> bool:
    start, ids = _results(messages)
    answered = [str(message.get("tool_call_id")) for message in messages[start:]]
    return len(answered) < 2 or answered == ids


def _lost_out_of_order(call: Call) -> Call:
    """Results that are not in the order of their calls are left out, but for the last."""
    messages = list(call.messages)
    if _in_order(messages):
        return call
    start, _ = _results(messages)
    return replace(call, messages=[*messages[:start], messages[-1]])


def _only_in_order(body: Body, _: Profile) -> None:
    if not _in_order(list(messages_of(body))):
        raise Refusal("invalid messages: results must come in the order of their calls")


NAMES = "Pre-Verification fails: names of tools come back changed"
FAULTS = (
    Fault("reverses-parallel-calls", "returns parallel calls in the reverse order",
          "a warning: parallel calls come in the reverse order", say=_reversed),
    Fault("loses-later-arguments", "returns the second and later calls without arguments",
          f"{FAILS}arguments of calls are lost", say=_later_arguments("")),
    Fault("empties-later-arguments", "returns {} as the arguments of the second and later calls",
          f"{FAILS}arguments of calls are lost", say=_later_arguments("{}")),
    Fault("drops-text-beside-calls", "loses the text beside calls on the way out",
          f"{FAILS}text beside a tool call is lost, although it is counted", send=_text_lost),
    Fault("drops-streamed-text-beside-calls", "makes no text beside calls in streams",
          "a warning: text beside calls comes in one mode only", say=when_streamed(_text_unsaid)),
    Fault("drops-calls-beside-text", "loses calls that follow a text", f"{FAILS}calls that follow a text are lost",
          say=_calls_lost),
    Fault("ignores-parallel-false", "takes parallel_tool_calls false for true",
          "a warning: several calls come where one may", hear=lambda call: replace(call, parallel=True)),
    Fault("ignores-named-choice", "takes a tool_choice that names a tool as auto",
          "a warning: a named choice is accepted and not kept", hear=_auto_for_named),
    Fault("ignores-none-after-calls", "calls tools although tool_choice is none, after an earlier call",
          f"{FAILS}tool_choice none does not keep the model from calling", say=_calls_later),
    Fault("refuses-bare-tools", "refuses tools without parameters", "a warning: a tool without parameters is refused",
          check=refuses(_is_bare, "invalid tools: function.parameters is required")),
    Fault("loses-bare-tools", "does not show tools without parameters to the model",
          f"{FAILS}a tool without parameters cannot be called", hear=_only(lambda _, one: one.parameters != {})),
    Fault("many-tools-lose-the-last", f"shows the first {FEW_TOOLS} tools to the model",
          f"{FAILS}the last of many tools cannot be called", hear=_only(lambda at, _: at < FEW_TOOLS)),
    Fault("refuses-many-tools", f"refuses more than {FEW_TOOLS} tools", f"{FAILS}many tools are refused",
          check=refuses(lambda body: len(_functions(body)) > FEW_TOOLS, "invalid tools: too many")),
    Fault("mangles-dotted-names", "cuts the names of tools at their last dot", NAMES,
          say=_named(lambda name: name.rpartition(".")[2])),
    Fault("mangles-dashed-names", "writes dashes in the names of tools as underscores", NAMES,
          say=_named(lambda name: name.replace("-", "_"))),
    Fault("cuts-long-names", f"cuts the names of tools after {SHORT_NAME} characters", NAMES,
          say=_named(lambda name: name[:SHORT_NAME])),
    Fault("loses-dashed-calls", "loses calls of tools with dashes in their names", f"{FAILS}such tools are not called",
          hear=_only(lambda _, one: "-" not in one.name)),
    Fault("refuses-dashed-names", "refuses names of tools with dashes",
          f"{FAILS}tool names of OpenAI's form are refused",
          check=refuses(_has_dashes, "invalid tools: names hold letters, digits and underscores")),
    Fault("pairs-results-by-position", "takes results for those of the calls at the same positions, whatever their ids",
          f"{FAILS}results reach the model beside the wrong calls", hear=_by_position),
    Fault("loses-results-out-of-order",
          "shows only the last result to the model where they are not in the order of the calls",
          f"{FAILS}results in another order do not reach the model", hear=_lost_out_of_order),
    Fault("refuses-results-out-of-order", "refuses results that are not in the order of their calls",
          "a warning: results in another order are refused", check=_only_in_order),
)  # fmt: skip
