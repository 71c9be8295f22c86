"""Faults in the handling of `response_format`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.faults.hooks import Body, Check, lenient, refuses, when_streamed
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.formats import KINDS, check_response_format

_PROSE = "It is sunny in Riga."


def _wanted(body: Body) -> Mapping[str, Json]:
    """The format that is asked for, empty for none."""
    wanted = body.get("response_format")
    return wanted if isinstance(wanted, Mapping) else {}


def _described(body: Body) -> Mapping[str, Json]:
    """What is in `json_schema`."""
    described = _wanted(body).get("json_schema")
    return described if isinstance(described, Mapping) else {}


def _in_prose(answer: Answer, call: Call) -> Answer:
    return answer if call.schema is None else replace(answer, content=_PROSE)


def _fenced(answer: Answer, call: Call) -> Answer:
    return answer if call.schema is None else replace(answer, content=f"```json\n{answer.content}\n```")


def _spread(answer: Answer, call: Call) -> Answer:
    if call.schema is None or not answer.content:
        return answer
    text = orjson.dumps(orjson.loads(answer.content), option=orjson.OPT_INDENT_2).decode()
    return replace(answer, content=text)


def _of_another_shape(answer: Answer, call: Call) -> Answer:
    strict = _described(call.body).get("strict", True) is True
    if _wanted(call.body).get("type") != "json_schema" or not strict:
        return answer
    return replace(answer, content='{"answer":"text"}')


def _as_array(answer: Answer, call: Call) -> Answer:
    return replace(answer, content="[1,2]") if _wanted(call.body).get("type") == "json_object" else answer


def _in_reasoning(answer: Answer, call: Call) -> Answer:
    if call.schema is None or not call.thinking:
        return answer
    return replace(answer, reasoning=f"{answer.reasoning}\n{answer.content}", content="")


def _unless(pardoned: Callable[[Body], bool]) -> Check:
    """The rule on `response_format`, with an exception."""

    def check(body: Body, profile: Profile) -> None:
        if not pardoned(body):
            check_response_format(body, profile)

    return check


def _unknown(body: Body) -> bool:
    return _wanted(body).get("type") not in KINDS


def _incomplete(body: Body) -> bool:
    return _wanted(body).get("type") == "json_schema" and not {"name", "schema"} <= set(_described(body))


def _mistyped(body: Body) -> bool:
    described = _described(body)
    return not isinstance(described.get("schema", {}), Mapping) or not isinstance(described.get("strict", True), bool)


FAULTS = (
    Fault("ignores-response-format", "answers in prose whatever response_format asks for",
          f"{FAILS}response_format is ignored", say=_in_prose),
    Fault("response-format-only-plain", "ignores response_format when the answer is streamed",
          "Pre-Verification fails for streams: the two modes differ", say=when_streamed(_in_prose)),
    Fault("fenced-json", "wraps JSON in a code fence",
          f"{FAILS}the model was asked nicely, its output is not constrained", say=_fenced),
    Fault("pretty-printed-json", "writes JSON over several lines", f"{FAILS}strict JSON is not compact", say=_spread),
    Fault("ignores-strict-schema", "answers a strict json_schema with JSON of another shape",
          f"{FAILS}the schema is not enforced", say=_of_another_shape),
    Fault("json-object-returns-array", "answers json_object with a JSON array", f"{FAILS}json_object is not an object",
          say=_as_array),
    Fault("json-in-reasoning", "applies response_format to the thinking and leaves the content empty",
          f"{FAILS}JSON ends up in the reasoning", say=_in_reasoning),
    Fault("refuses-json-object", "refuses response_format json_object", f"{FAILS}a valid response_format is refused",
          check=refuses(lambda body: _wanted(body).get("type") == "json_object",
                        "invalid response_format: json_object is not supported")),
    *lenient(
        ContractRule.RESPONSE_FORMAT,
        f"{FAILS}an invalid response_format is accepted",
        {
            "accepts-unknown-response-format": ("takes a response_format of unknown type", _unless(_unknown)),
            "accepts-response-format-without-schema": (
             "takes a json_schema format without json_schema, name or schema", _unless(_incomplete)),
            "accepts-mistyped-response-format": (
             "takes a schema that is no object, and strict that is neither true nor false", _unless(_mistyped)),
        },
    ),
)  # fmt: skip
