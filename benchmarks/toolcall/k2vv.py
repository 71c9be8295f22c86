"""K2VV's formats: how it prepares a request, names it, and writes a result (MoonshotAI/K2-Vendor-Verifier, 0bc5061)."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from kvv_action.dataset import files
from kvv_action.errors import DatasetError
from kvv_action.profiles.prompt import function_of
from kvv_action.report.text import one_line
from kvv_action.schema import Attempt, Completion, FailureKind, Json, SampleFailure, ToolCall

Row = Mapping[str, Json]
RESULTS, SUMMARY = "k2vv-results.jsonl", "k2vv-summary.json"


def request_of(row: Row, where: str) -> Row:
    """The request in a line of `samples.jsonl`, or in a line of a result file.

    Raises:
        DatasetError: it has no messages.
    """
    request = row.get("request") if "data_index" in row else row
    if not isinstance(request, Mapping) or not isinstance(request.get("messages"), list):
        raise DatasetError(
            f"{where}: no request with a list of messages (results of raw completions hold only prompts)"
        )
    return request


def messages_of(request: Row) -> list[Json]:
    """The messages as they go out: the role `_input` is sent as `system`, everything else stays as it is."""
    return [
        {**message, "role": "system"} if isinstance(message, Mapping) and message.get("role") == "_input" else message
        for message in request["messages"]
    ]


def prepared(request: Row, *, model: str, sampling: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The request as K2VV sends it: model and sampling replaced in place, usage asked for when streamed."""
    result = {**request, "messages": messages_of(request), "model": model, **(sampling or {})}
    if result.get("stream", False):
        options = result.get("stream_options")
        result["stream_options"] = {"include_usage": True, **(options if isinstance(options, dict) else {})}
    return result


def request_hash(request: Mapping[str, Json]) -> str:
    """K2VV's `hash` of a prepared request."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False)
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def content_key(request: Row) -> str:
    """Digest of what a request asks: messages and tools; model, sampling and streaming are left out."""
    tools = request.get("tools") or None
    return hashlib.sha256(orjson.dumps((messages_of(request), tools), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def rows(path: Path) -> Iterator[Row]:
    """The lines of a result file in their order; of each `data_index` only the one that ran last.

    Raises:
        DatasetError: it is not a result file.
    """
    latest: dict[int, tuple[str, int]] = {}
    for number, row in enumerate(files.read(path), 1):
        if wrong := _wrong(row):
            raise DatasetError(f"{path.name}, row {number}: not a result of K2VV: {wrong}")
        index = row["data_index"]
        at = str(row.get("last_run_at") or "")
        if index not in latest or at > latest[index][0]:
            latest[index] = (at, number)
    if not latest:
        raise DatasetError(f"{path.name}: holds no result of K2VV")
    wanted = {number for _, number in latest.values()}
    yield from (row for number, row in enumerate(files.read(path), 1) if number in wanted)


def _wrong(row: Row) -> str:
    """Why a line is no result of K2VV; empty for one. Its response may hold anything: a vendor wrote that."""
    if "data_index" not in row:
        return "data_index is missing"
    index, finish = row["data_index"], row.get("finish_reason")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 2**53:
        return f"data_index must be a whole number, not {_shown(index)}"
    if not isinstance(row.get("status"), str):
        return f"status must be a text, not {_shown(row.get('status'))}"
    if finish is not None and not isinstance(finish, str):
        return f"finish_reason must be a text or null, not {_shown(finish)}"
    return ""


def _shown(value: Json) -> str:
    try:
        return one_line(orjson.dumps(value).decode(), 60)
    except TypeError:  # deeper than can be written, or a number that JSON has no room for
        return f"what is nested too deeply ({type(value).__name__})"


def seconds_taken(row: Row) -> float:
    """Seconds that a request took; 0 where the line does not tell."""
    taken = row.get("duration_ms")
    return max(0.0, taken / 1000) if isinstance(taken, (int, float)) and math.isfinite(taken) else 0.0


def result_row(
    number: int, request: Mapping[str, Json], extra_body: Mapping[str, Json], answer: Completion | SampleFailure,
    *, valid: bool | None,
) -> dict[str, Json]:  # fmt: skip
    """A line of K2VV's `results.jsonl`; `number` counts from 1."""
    completion = answer if isinstance(answer, Completion) else None
    last = completion.attempts[-1] if completion and completion.attempts else None
    return {
        "data_index": number,
        "request": request,
        "extra_body": extra_body,
        "response": _response(completion, last) if completion else _error(answer),
        "status": "success" if completion else "failed",
        "finish_reason": (completion.finish_reason or "stop") if completion else None,
        "tool_calls_valid": valid,
        "last_run_at": _iso(last.started + last.duration if last else 0.0),
        "duration_ms": int(1000 * completion.total) if completion else 0,
        "hash": request_hash(request),
    }


def _response(completion: Completion, last: Attempt | None) -> dict[str, Json]:
    calls = [
        {"id": call.id, "type": call.type, "function": {"name": call.name, "arguments": call.arguments}}
        for call in completion.tool_calls
    ]
    message: dict[str, Json] = {"role": "assistant", "content": completion.content, "tool_calls": calls or None}
    if completion.reasoning:
        message["reasoning_content"] = completion.reasoning
    return {
        "id": completion.id or None,
        "object": "chat.completion",
        "created": int(last.started) if last else None,
        "model": completion.model,
        "choices": [{"index": 0, "message": message, "finish_reason": completion.finish_reason or "stop"}],
        "usage": completion.usage,
    }


def _error(failure: Any) -> dict[str, Json]:
    return {"error_type": str(failure.kind), "error_message": failure.message, "error": failure.message}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


def seconds_of(text: Json) -> float:
    """Seconds since the epoch of a `last_run_at`; 0 when it cannot be read."""
    try:
        at = datetime.fromisoformat(str(text))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


class Summary:
    """K2VV's `summary.json`, counted line by line."""

    def __init__(self, model: str) -> None:
        self._counts: dict[str, Any] = {
            "model": model,
            "success_count": 0,
            "failure_count": 0,
            "finish_stop": 0,
            "finish_tool_calls": 0,
            "finish_others": 0,
            "finish_others_detail": {},
            "schema_validation_error_count": 0,
            "successful_tool_call_count": 0,
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            "eval_started_at": None,
            "eval_finished_at": None,
            "eval_duration_ms": None,
        }

    def add(self, row: Row) -> None:
        """Count one result."""
        counts, finish = self._counts, row.get("finish_reason")
        counts["success_count" if row.get("status") == "success" else "failure_count"] += 1
        usage: Any = _mapping(row.get("response")).get("usage")
        for name in counts["usage"] if isinstance(usage, Mapping) else ():
            if isinstance(usage.get(name), int):
                counts["usage"][name] += usage[name]
        if finish == "stop":
            counts["finish_stop"] += 1
        elif finish == "tool_calls":
            counts["finish_tool_calls"] += 1
            valid = bool(row.get("tool_calls_valid"))
            counts["successful_tool_call_count" if valid else "schema_validation_error_count"] += 1
        elif finish:
            counts["finish_others"] += 1
            counts["finish_others_detail"][finish] = counts["finish_others_detail"].get(finish, 0) + 1

    def done(self, started: float, finished: float) -> dict[str, Json]:
        """The summary; times are seconds since the epoch."""
        return {
            **self._counts,
            "eval_started_at": _iso(started),
            "eval_finished_at": _iso(finished),
            "eval_duration_ms": int(1000 * max(0.0, finished - started)),
        }


def completion_of(row: Row) -> Completion | None:
    """The answer in a result line; None when the request failed.

    Times are what the line tells: K2VV measures a request with all its retries and no first token.
    """
    response: Any = row.get("response") if isinstance(row.get("response"), dict) else {}
    total, choices = seconds_taken(row), response.get("choices")
    if row.get("status") != "success" or not isinstance(choices, list) or not choices:
        return None
    message = _mapping(_mapping(choices[0]).get("message"))
    calls, usage = message.get("tool_calls"), response.get("usage")
    attempt = Attempt(
        number=1, started=max(0.0, seconds_of(row.get("last_run_at")) - total), duration=total, status=200
    )
    raw = orjson.dumps(response)
    return Completion(
        content=str(message.get("content") or ""),
        reasoning=str(message.get("reasoning_content") or message.get("reasoning") or ""),
        tool_calls=tuple(_calls(calls if isinstance(calls, list) else ())),
        finish_reason=row.get("finish_reason"),
        usage=usage if isinstance(usage, dict) else None,
        model=str(response.get("model") or ""),
        id=str(response.get("id") or ""),
        system_fingerprint=str(response.get("system_fingerprint") or ""),
        streamed=bool(_mapping(row.get("request")).get("stream", False)),
        anomalies=("imported",),
        choices=len(choices),
        raw_bytes=len(raw),
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        first_token=total,
        total=total,
        attempts=(attempt,),
    )


def _mapping(value: Json) -> Mapping[str, Json]:
    """An object of a vendor's answer; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def _calls(calls: Iterable[Json]) -> Iterator[ToolCall]:
    """Calls of a message; what is no object is a call without a name, which no tool has."""
    for call in map(_mapping, calls):
        function = _mapping(function_of(call))
        arguments = function.get("arguments")
        text = (
            arguments if isinstance(arguments, str) else "" if arguments is None else orjson.dumps(arguments).decode()
        )
        yield ToolCall(
            id=str(call.get("id") or ""), name=str(function.get("name") or ""), arguments=text,
            type=str(call.get("type") or "function"),
        )  # fmt: skip


_STATUS = {401: FailureKind.AUTH, 403: FailureKind.AUTH, 429: FailureKind.RATE_LIMITED}


def failure_of(row: Row) -> SampleFailure:
    """Why a request of a result file failed, as far as its message tells."""
    response = row.get("response")
    said = response if isinstance(response, Mapping) else {}
    message = str(said.get("error_message") or said.get("error") or "no response")
    status = _status(message)
    kind = _STATUS.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.REJECTED)
    if not status:
        lower = f"{said.get('error_type', '')} {message}".lower()
        kind = (
            FailureKind.TIMEOUT_TOTAL if "timeout" in lower or "timed out" in lower
            else FailureKind.CONNECT if "connect" in lower else FailureKind.BAD_RESPONSE
        )  # fmt: skip
    return SampleFailure(kind=kind, message=message[:500])


def status_of(failure: SampleFailure) -> int | None:
    """The HTTP status that K2VV's message of a failure names."""
    return _status(failure.message) or None


def _status(message: str) -> int:
    code = message.partition("Error code: ")[2][:3]
    return int(code) if code.isascii() and code.isdigit() else 0


def refusable(request: Row) -> str:
    """Why the official endpoint refuses a request while a model thinks, in words; empty when it answers."""
    messages = (message for message in messages_of(request) if isinstance(message, Mapping))
    if any(message.get("tool_calls") and not message.get("reasoning_content") for message in messages):
        return "a tool turn of the history has no reasoning"
    choice = request.get("tool_choice")
    return "a call is forced while the model thinks" if choice == "required" or isinstance(choice, Mapping) else ""


def called(row: Row) -> bool | None:
    """Whether a result says that tools were called; None for a request that failed."""
    return row.get("finish_reason") == "tool_calls" if row.get("status") == "success" else None


def tool_names(tools: Json) -> Sequence[str]:
    """Names of the tools of a request."""
    return [str(function.get("name")) for function in map(function_of, tools or ()) if function]
