"""The journal's lines about one sample, to and from the records of the schema."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import orjson

from kvv_action.aside import is_long
from kvv_action.errors import EndpointError
from kvv_action.schema import (
    LATER,
    Attempt,
    Completion,
    Exchange,
    FailureKind,
    Observation,
    Place,
    Rejection,
    SampleFailure,
    Score,
    Slot,
    ToolCall,
    is_share,
)

Line = dict[str, Any]
Made = TypeVar("Made")
PLAIN = 16_384
"""Characters of an observed text up to which it stands in the journal as it is; longer ones are compressed."""
_STEP = 2**18
"""Characters that are written as JSON in one go."""
LARGEST = 2**28
"""Bytes to which a compressed text may unfold."""
MOST_COUNTED = 2**40
"""Largest count of one answer: a response has fewer bytes."""
LAST_MOMENT = 253_370_764_800
"""Seconds from 1970 to the year 9999, with which calendars of computers end."""
_COMPLETION, _CALL, _ATTEMPT, _SCORE = (
    frozenset(one.name for one in fields(record)) for record in (Completion, ToolCall, Attempt, Score)
)
_FAILURES = frozenset({None, "", *FailureKind})


def _types_of(hint: Any) -> frozenset[type]:
    """The types that a value has in a journal where a field has this annotation: a whole number is a number, too."""
    if isinstance(hint, UnionType):
        return frozenset().union(*map(_types_of, get_args(hint)))
    kind = get_origin(hint) or hint
    kind = dict if kind is Mapping else kind
    return frozenset({float, int} if kind is float else {kind})


class _Filled(Generic[Made]):
    """Makes records of one class from what a line says of all their fields, and refuses values of another type."""

    def __init__(self, record: type[Made]) -> None:
        self._record = record
        hints = get_type_hints(record)
        names = [one.name for one in fields(record)]  # type: ignore[arg-type]
        self._puts = tuple((name, getattr(record, name).__set__, _types_of(hints[name])) for name in names)

    def __call__(self, said: Mapping[str, Any]) -> Made:
        """Raises TypeError for fields that the record does not have, or lacks, and for values of another type."""
        made = object.__new__(self._record)
        try:
            for name, put, types in self._puts:
                value = said[name]
                if type(value) not in types:
                    raise _wrong(name, value)
                put(made, value)
        except KeyError:
            whole = self._record(**said)
            return self({name: getattr(whole, name) for name, _, _ in self._puts})
        return made if len(said) == len(self._puts) else self._record(**said)


def _wrong(name: str, value: object) -> TypeError:
    kinds = {NoneType: "null", bool: "true or false", str: "a text", dict: "an object", list: "a list"}
    return TypeError(f"{name} cannot be {kinds.get(type(value), 'a number')}")


def _are(values: Mapping[str, Any], *types: type) -> bool:
    return all(type(value) in types for value in values.values())


def _are_counts(values: Mapping[str, Any]) -> bool:
    """Whole numbers whose sums over a run stay exact."""
    return _are(values, int) and all(abs(value) <= MOST_COUNTED for value in values.values())


_filled_completion, _filled_attempt, _filled_score = _Filled(Completion), _Filled(Attempt), _Filled(Score)
_filled_call, _filled_rejection, _filled_observation = _Filled(ToolCall), _Filled(Rejection), _Filled(Observation)
_filled_place = _Filled(Place)
_PLACE = tuple(one.name for one in fields(Place))


def place_of(line: Mapping[str, Any]) -> Place:
    """Which answer a line is about."""
    return _filled_place({name: line[name] for name in _PLACE})


def slot_of(line: Mapping[str, Any]) -> Slot:
    """Where its result stands; raises KeyError where `place_of` does."""
    slot: Slot = line["benchmark"], line["index"], line["epoch"]
    if "sample" not in line:
        raise KeyError("sample")
    return slot


def moment_of(value: Any) -> float:
    """A time in a line: seconds since the epoch, within the years of a calendar.

    Raises:
        ValueError: it is none.
    """
    if type(value) not in (int, float) or not 0 <= value < LAST_MOMENT:
        raise ValueError("a time is not a number of seconds since 1970")
    return float(value)


def _begun(kind: str, place: Place) -> Line:
    """The start of a journal line."""
    return {
        "kind": kind,
        "benchmark": place.benchmark,
        "sample": place.sample,
        "index": place.index,
        "epoch": place.epoch,
    }


def answer_line(place: Place, exchange: Exchange, *, key: str, request: str, reckoned: int = 0) -> Line:
    """`key`: see `answer_key`; `request`: digest of the body; `reckoned`: its tokens, where no count is believed."""
    line = _begun("answer", place)
    line.update(key=key, request=request, call=exchange.call)
    if exchange.request:
        line["body"] = exchange.request
    if exchange.endpoint:
        line["endpoint"] = exchange.endpoint
    if reckoned:
        line["reckoned"] = reckoned
    if exchange.echo:
        line["echo"] = exchange.echo
    if exchange.completion is not None:
        line["completion"] = _in_short_steps(exchange.completion)
    else:
        line["rejection"] = exchange.rejection
    return line


def _in_short_steps(completion: Completion) -> Completion | Line:
    """An answer as it is written; long texts as JSON already, made in steps that let other threads run in between."""
    if not is_long((Exchange(call=0, completion=completion),)):
        return completion
    line = {one.name: getattr(completion, one.name) for one in fields(completion)}
    line.update(content=_json(completion.content), reasoning=_json(completion.reasoning))
    line["tool_calls"] = [
        {one.name: _json(getattr(call, one.name)) for one in fields(call)} for call in completion.tool_calls
    ]
    return line


def _json(text: str) -> orjson.Fragment:
    parts = (orjson.dumps(text[start : start + _STEP])[1:-1] for start in range(0, len(text), _STEP))
    return orjson.Fragment(b'"%s"' % b"".join(parts))


def observation_line(place: Place, call: int, observation: Observation) -> Line:
    """What was seen elsewhere than at the endpoint; secrets are gone from it already."""
    line = _begun("observation", place)
    line.update(call=call, name=observation.name)
    if observation.data:
        line["data"] = observation.data
    if len(observation.text) > PLAIN:
        packed = zlib.compress(observation.text.encode(), 6)
        line["packed"] = base64.b64encode(packed).decode()
    elif observation.text:
        line["text"] = observation.text
    return line


def error_line(
    place: Place,
    error: EndpointError,
    *,
    key: str,
    request: str,
    call: int,
    endpoint: str = "",
    reckoned: int = 0,
    sent: str = "",
) -> Line:
    """A request that failed for good; `endpoint` as in the request, `reckoned` as in `answer_line`.

    `sent` is the beginning of its body, where a benchmark judges that it crashed the server.
    """
    line = _begun("error", place)
    if sent:
        line["sent"] = sent
    if endpoint:
        line["endpoint"] = endpoint
    if reckoned:
        line["reckoned"] = reckoned
    line.update(
        key=key, request=request, call=call, failure=error.kind, message=error.message,
        status=error.status, body=error.body, attempts=error.attempts,
    )  # fmt: skip
    return line


def rejection_of(error: EndpointError) -> Rejection:
    """A request that was refused, or crashed the server, as a benchmark judges it."""
    return _rejection(error.status, error.message, error.body, error.attempts)


def _rejection(status: int | None, message: str, body: str, attempts: tuple[Attempt, ...]) -> Rejection:
    said = message.removeprefix(f"HTTP {status}").removeprefix(": ")
    return _filled_rejection({"status": status or 0, "message": said, "body": body, "attempts": attempts})


def withdrawn_line(place: Place, *, key: str, request: str, call: int, endpoint: str, reckoned: int) -> Line:
    """A request that was given up before its answer was there: the time was up, or nothing depended on it any more."""
    line = _begun("withdrawn", place)
    if endpoint:
        line["endpoint"] = endpoint
    line.update(key=key, request=request, call=call, reckoned=reckoned)
    return line


def result_line(place: Place, result: Score | SampleFailure, at: float, calls: Sequence[int] = ()) -> Line:
    """How a sample in an epoch ended.

    Args:
        place: the sample and epoch.
        result: the score, or why there is none.
        at: seconds since the epoch.
        calls: numbers of the calls whose answers were judged.
    """
    if isinstance(result, SampleFailure):
        line = {**_begun("failure", place), "at": at, "failure": result.kind, "message": result.message}
        return {**line, "counts": result.counts} if result.counts else line
    return {**_begun("score", place), "at": at, "calls": calls, "score": result if result.data else _plain(result)}


def _plain(score: Score) -> Line:
    """A score without the data that most benchmarks do not have."""
    return {one.name: getattr(score, one.name) for one in fields(score) if one.metadata != LATER}


def to_score(value: Mapping[str, Any]) -> Score:
    """A score from its line."""
    score = _filled_score({"data": {}, **value})
    if not (_are(score.metrics, float, int) and _are_counts(score.counts) and _are(score.findings, str)):
        raise TypeError("metrics and counts of a score are numbers, and findings are texts")
    if not is_share(score.value):
        raise ValueError(f"a score is {score.value}, and not a number from 0 to 1")
    return score


def value_of(value: Mapping[str, Any]) -> float:
    """The value of a score from its line; raises what `to_score` raises."""
    plain = type(value) is dict and value.keys() <= _SCORE and type(value.get("value")) in (float, int)
    found: float = value["value"] if plain else to_score(value).value
    return found


def to_failure(line: Mapping[str, Any]) -> SampleFailure:
    """A failure from its line."""
    counts = line.get("counts", {})
    if not _are_counts(counts):
        raise TypeError("counts of a failure are whole numbers")
    return SampleFailure(kind=FailureKind(line["failure"]), message=text_in(line, "message"), counts=counts)


def outlives_failure(record: Mapping[str, Any]) -> bool:
    """Whether answers of the vendor can be judged again after a result: the sample failed because the judge failed."""
    return bool(record["kind"] == "failure" and record["failure"] == FailureKind.JUDGE)


def check_answer(line: Mapping[str, Any]) -> None:
    """Raise what `to_exchange` would raise; a completion, as nearly all answers are, is only looked through."""
    found: Any = line.get("completion")
    plain = "call" in line and type(line.get("echo", [])) is list
    if not (plain and type(found) is dict and found.keys() == _COMPLETION and _is_plain(found)):
        to_exchange(line)


def _is_plain(completion: Mapping[str, Any]) -> bool:
    """Whether the parts of a completion are what they should be."""
    calls, attempts = completion["tool_calls"], completion["attempts"]
    if not (_all_have(_CALL, calls) and _all_have(_ATTEMPT, attempts) and type(completion["anomalies"]) is list):
        return False
    return all(attempt["failure"] in _FAILURES for attempt in attempts)


def _all_have(names: Set[str], parts: Any) -> bool:
    return type(parts) is list and all(type(part) is dict and part.keys() == names for part in parts)


def to_exchange(line: Mapping[str, Any]) -> Exchange:
    """An answer, an observation or a crash of the server from its line."""
    call = line["call"]
    if type(call) is not int:
        raise _wrong("call", call)
    if line["kind"] == "observation":
        return Exchange(call=call, observation=_observation(line))
    if line["kind"] == "error":
        rejection = _rejection(line["status"], line["message"], line["body"], to_attempts(line["attempts"]))
        return Exchange(call=call, request=text_in(line, "sent"), rejection=rejection)
    request, endpoint = text_in(line, "body"), text_in(line, "endpoint")
    echo, signs = _words_of(line.get("echo", [])), line.get("signs")
    if signs is not None and not (type(signs) is dict and _are(signs, str)):
        raise _wrong("signs", signs)
    if completion := line.get("completion"):
        return Exchange(
            call=call, request=request, endpoint=endpoint, completion=_completion(completion), echo=echo, signs=signs
        )
    rejection = _filled_rejection(_with_attempts(dict(line["rejection"])))
    return Exchange(call=call, request=request, endpoint=endpoint, rejection=rejection)


def reason_of(line: Mapping[str, Any]) -> str:
    """Why something ended; raises KeyError where the line does not say it, and TypeError where it is no text."""
    return text_in({"reason": line["reason"]}, "reason")


def text_in(line: Mapping[str, Any], name: str) -> str:
    """A text of a line, empty where it has none; raises TypeError where it is something else."""
    text = line.get(name, "")
    if type(text) is not str:
        raise _wrong(name, text)
    return text


def _words_of(listed: Any) -> tuple[str, ...]:
    """Words of a list; raises TypeError where one of them is no text."""
    if type(listed) is not list or not all(type(one) is str for one in listed):
        raise TypeError("a list of texts is expected")
    return tuple(listed)


def _observation(line: Mapping[str, Any]) -> Observation:
    """Raises ValueError when its text is damaged."""
    text = text_in(line, "text")
    if packed := line.get("packed"):
        try:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(base64.b64decode(packed), LARGEST)
        except zlib.error as error:
            raise ValueError(f"the text of the observation {line['name']} cannot be unpacked: {error}") from None
        if not unpacker.eof:
            raise ValueError(f"the text of the observation {line['name']} is too large or cut off")
        text = raw.decode()
    return _filled_observation({"name": line["name"], "data": line.get("data", {}), "text": text})


def _completion(value: Mapping[str, Any]) -> Completion:
    said = _with_attempts(dict(value))
    said["tool_calls"] = tuple([_filled_call(call) for call in said["tool_calls"]])
    said["anomalies"] = _words_of(said["anomalies"])
    return _filled_completion(said)


def _with_attempts(fields: dict[str, Any]) -> dict[str, Any]:
    fields["attempts"] = to_attempts(fields["attempts"])
    return fields


def to_attempts(listed: Iterable[Mapping[str, Any]]) -> tuple[Attempt, ...]:
    """HTTP tries from their line."""
    return tuple(map(_attempt, listed))


def _attempt(value: Mapping[str, Any]) -> Attempt:
    if (failure := value["failure"]) is None:
        return _filled_attempt(value)
    return _filled_attempt({**value, "failure": FailureKind(failure) if failure else None})
