"""Writes K2VV's `results.jsonl` and `summary.json` from a journal, so that its readers can go on with them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson

from benchmarks.toolcall import k2vv
from benchmarks.toolcall.benchmark import ToolCallBenchmark
from kvv_action.journal.export import Source
from kvv_action.journal.lines import to_exchange, to_failure
from kvv_action.plan.request import sampling_of
from kvv_action.profiles.thinking import think_body
from kvv_action.schema import Completion, Json, SampleFailure


@dataclass(slots=True)
class _Places:
    """Where in the journal the answer (or the failure) of each sample stands, and when the run began and ended.

    `valid` are the samples whose every call was found valid when they were judged.
    """

    answers: dict[int, int]
    failures: dict[int, int]
    valid: set[int]
    started: float = 0.0
    finished: float = 0.0


async def write(out: Path, source: Source) -> None:
    """Write both files; of several epochs only the first, for K2VV knows none.

    Nothing is held in memory but positions in the journal.
    """
    places = _places(source.journal)
    benchmark = cast("ToolCallBenchmark", source.loaded.benchmark)
    endpoint, planned = source.plan.endpoint, source.loaded.planned
    thinking = think_body(benchmark.profile.thinking, endpoint.think_mode, planned.thinking, endpoint.effort)
    extra = {**thinking, **endpoint.extra_body}
    summary = k2vv.Summary(endpoint.model)
    temporary = out / f".{k2vv.RESULTS}.part"
    with source.journal.open("rb") as journal, temporary.open("wb") as target:
        for number, request, answer, valid in _answers(source, places, journal):
            row = k2vv.result_row(number, request, extra, answer, valid=valid)
            summary.add(row)
            text = json.dumps(row, ensure_ascii=False, default=dict).encode("utf-8", "replace")
            target.write(source.redactor.bytes(text) + b"\n")
    temporary.replace(out / k2vv.RESULTS)
    done = json.dumps(summary.done(places.started, places.finished), ensure_ascii=False, indent=4)
    (out / k2vv.SUMMARY).write_bytes(source.redactor.bytes(done.encode()))


def _places(path: Path) -> _Places:
    """Read the journal once; later results replace earlier ones."""
    places, pending, offset = _Places({}, {}, set()), dict[int, int](), 0
    with path.open("rb") as journal:
        for line in journal:
            start, offset = offset, offset + len(line)
            if not line.endswith(b"\n"):
                break
            record = orjson.loads(line)
            if record["kind"] == "session":
                places.started = places.started or record["started"]
            places.finished = max(places.finished, record.get("at", record.get("started", 0.0)))
            if record.get("benchmark") != ToolCallBenchmark.id or record.get("epoch") != 0:
                continue
            _place(record, start, places, pending)
    return places


def _place(record: Mapping[str, Any], start: int, places: _Places, pending: dict[int, int]) -> None:
    index = record["index"]
    if record["kind"] == "answer" and not record.get("endpoint"):
        pending[index] = start
    elif record["kind"] == "score":
        places.failures.pop(index, None)
        places.answers[index] = pending.pop(index)
        if record["score"]["counts"]["count_successful_tool_call"]:
            places.valid.add(index)
    elif record["kind"] == "failure":
        pending.pop(index, None)
        places.failures[index] = start


def _answers(
    source: Source, places: _Places, journal: IO[bytes]
) -> Iterator[tuple[int, dict[str, Json], Completion | SampleFailure, bool | None]]:
    """Number, prepared request, answer and validity of each sample that was sent, in the order of the samples.

    The validity is K2VV's `tool_calls_valid`: nothing is said of an answer that did not end by calling tools.
    """
    benchmark, planned = cast("ToolCallBenchmark", source.loaded.benchmark), source.loaded.planned
    for index, sample in enumerate(source.loaded.samples()):
        place = places.answers.get(index, places.failures.get(index))
        if place is None:
            continue
        journal.seek(place)
        record = orjson.loads(journal.readline())
        sampling = {} if source.plan.imported else sampling_of(planned, benchmark.profile)
        request = k2vv.prepared(sample.input, model=source.plan.endpoint.model, sampling=sampling)
        number = int(sample.id.partition("-")[0])
        if record["kind"] == "failure":
            yield number, request, to_failure(record), None
            continue
        answer = benchmark.read(to_exchange(record).completion)
        called = answer.finish_reason == "tool_calls" and answer.tool_calls
        yield number, request, answer, index in places.valid if called else None
