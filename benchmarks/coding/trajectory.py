"""Writes what such a benchmark leaves for people: a trajectory per instance, and predictions in the official format.

Both come from the journal alone, so they hold no secret and what they say can be audited.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from benchmarks.coding import seen
from benchmarks.coding.benchmark import PatchBenchmark
from kvv_action import whole_files
from kvv_action.benchmark import ExportSource
from kvv_action.schema import Completion, Exchange, Judged, Message, Observation, Sample, Score, Slot

LOG_SHOWN = 20_000
"""Characters of a test log that a trajectory shows, from its end; the journal has all of it."""


async def write(out: Path, source: ExportSource, benchmark: PatchBenchmark) -> None:
    """Write a file for every instance that ended, and one with all patches.

    Holds the exchanges of instances in flight, and where the last result of each stands.
    """
    samples: dict[int, Sample] = dict(enumerate(source.samples()))
    predictions: dict[Slot, bytes] = {}
    for judged in source.journal.judged(benchmark.id):
        place, sample = judged.place, samples.get(judged.place.index)
        if sample is None or sample.id != place.sample:
            continue
        text = "".join(_told(judged, benchmark.opening(sample) or ()))
        _replace(out / benchmark.trajectories / file_name(sample.id, place.epoch), source.redactor.bytes(text.encode()))
        patch = _patch(judged.exchanges)
        predictions.pop(place.slot, None)
        if patch is not None:
            predictions[place.slot] = _prediction(sample.id, source.plan.endpoint.model, patch)
    first = [line for slot, line in sorted(predictions.items()) if slot[2] == 0]
    if first:
        _replace(out / f"{benchmark.id}-predictions.jsonl", source.redactor.bytes(b"".join(first)))


def file_name(sample: str, epoch: int) -> str:
    """A name for any id: what cannot stand in one is replaced, and a digest keeps two such ids apart."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", sample)[:120].lstrip(".")
    if safe != sample:
        safe += "-" + hashlib.sha256(sample.encode()).hexdigest()[:8]
    return f"{safe}.txt" if not epoch else f"{safe}.epoch{epoch}.txt"


def _told(judged: Judged, messages: Iterable[Message]) -> Iterator[str]:
    """The trajectory as text: how it ended, what was asked, and every step."""
    place, result = judged.place, judged.result
    yield f"{place.sample}, epoch {place.epoch}\n"
    if isinstance(result, Score):
        yield f"{result.explanation}\n"
        yield from (f"note: {cause}\n" for cause in (result.cause, *result.findings) if cause)
    else:
        yield f"no result ({result.kind}): {result.message}\n"
    for message in messages:
        yield _part(str(message["role"]), str(message["content"]))
    step = 0
    for exchange in judged.exchanges:
        if exchange.completion is not None:
            step += 1
            yield _answer(step, exchange.completion)
        elif exchange.observation is not None:
            yield _seen(exchange.observation)


def _part(title: str, text: str) -> str:
    body = text if text.endswith("\n") or not text else text + "\n"
    return f"\n======== {title}\n{body}"


def _answer(step: int, completion: Completion) -> str:
    usage = completion.usage or {}
    tokens = f", {usage.get('prompt_tokens')} + {usage.get('completion_tokens')} tokens" if usage else ""
    text = _part(f"step {step}: the model, {completion.total:.1f} s{tokens}, {completion.finish_reason}", "")
    if completion.reasoning:
        text += f"(thinking) {completion.reasoning}\n"
    if completion.content:
        text += completion.content + "\n"
    return text + "".join(f"-> {call.name} {_command(call.arguments)}\n" for call in completion.tool_calls)


def _command(arguments: str) -> str:
    """The command of a call as it would be typed; other arguments as they came."""
    try:
        parsed = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    if isinstance(parsed, dict) and isinstance(parsed.get("command"), str):
        rest = {name: value for name, value in parsed.items() if name != "command"}
        return (f"{orjson.dumps(rest).decode()} " if rest else "") + str(parsed["command"])
    return arguments


def _seen(observation: Observation) -> str:
    facts = " ".join(
        f"{name}={' '.join(str(value).split())}" for name, value in observation.data.items() if value not in ("", None)
    )
    text = observation.text
    if observation.name in (seen.TESTS, seen.CONTROL) and len(text) > LOG_SHOWN:
        text = f"[{len(text) - LOG_SHOWN} characters before this are in the journal]\n{text[-LOG_SHOWN:]}"
    return _part(f"{observation.name} {facts}", text)


def _patch(exchanges: Iterable[Exchange]) -> str | None:
    """The patch that was left; None when it did not come so far."""
    observed = (exchange.observation for exchange in exchanges if exchange.observation is not None)
    return next((observation.text for observation in observed if observation.name == seen.PATCH), None)


def _prediction(sample: str, model: str, patch: str) -> bytes:
    row = {"instance_id": sample, "model_name_or_path": model or "none", "model_patch": patch}
    return orjson.dumps(row) + b"\n"


def _replace(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write(path, data)
