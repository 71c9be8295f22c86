"""Writes K2VV's `results.jsonl` and `summary.json` from a journal, so that its readers can go on with them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.toolcall import k2vv
from benchmarks.toolcall.benchmark import ToolCallBenchmark
from kvv_action import whole_files
from kvv_action.benchmark import ExportSource, RunJournal
from kvv_action.journal.reading import exchange_at
from kvv_action.plan.request import sampling_of
from kvv_action.profiles.thinking import think_body
from kvv_action.schema import Completion, Json, SampleFailure
from kvv_action.whole_files import replaced


@dataclass(slots=True)
class _Results:
    """What stands for each sample, by its index: where the judged answer is in the journal, or why there is none.

    `valid` are the samples of which every call was valid when they were judged.
    """

    answers: dict[int, int]
    failures: dict[int, SampleFailure]
    valid: set[int]


async def write(out: Path, source: ExportSource, benchmark: ToolCallBenchmark) -> None:
    """Write both files; of several epochs only the first, for K2VV knows none.

    Nothing is held in memory but positions in the journal.
    """
    results = _results(source.journal)
    endpoint, planned = source.plan.endpoint, source.planned
    thinking = think_body(benchmark.profile.thinking, endpoint.think_mode, planned.thinking, endpoint.effort)
    extra = {**thinking, **endpoint.extra_body}
    summary = k2vv.Summary(endpoint.model)
    with replaced(out / k2vv.RESULTS) as target:
        for number, request, answer, valid in _answers(source, benchmark, results):
            row = k2vv.result_row(number, request, extra, answer, valid=valid)
            summary.add(row)
            text = json.dumps(row, ensure_ascii=False, default=dict).encode("utf-8", "replace")
            target.write(source.redactor.bytes(text) + b"\n")
    done = json.dumps(summary.done(*source.journal.span()), ensure_ascii=False, indent=4)
    whole_files.write(out / k2vv.SUMMARY, source.redactor.bytes(done.encode()))


def _results(journal: RunJournal) -> _Results:
    """Read the journal once."""
    results = _Results({}, {}, set())
    for judged in journal.judged(ToolCallBenchmark.id):
        index = judged.place.index
        if judged.place.epoch or not judged.stands:
            continue
        if isinstance(judged.result, SampleFailure):
            results.failures[index] = judged.result
            continue
        results.answers[index] = judged.offset
        if judged.result.counts["count_successful_tool_call"]:
            results.valid.add(index)
    return results


def _answers(
    source: ExportSource, benchmark: ToolCallBenchmark, results: _Results
) -> Iterator[tuple[int, dict[str, Json], Completion | SampleFailure, bool | None]]:
    """Number, prepared request, answer and validity of each sample that was sent, in the order of the samples.

    The validity is K2VV's `tool_calls_valid`: nothing is said of an answer that did not end by calling tools.
    """
    planned = source.planned
    for index, sample in enumerate(source.samples()):
        if index not in results.answers and index not in results.failures:
            continue
        sampling = {} if source.plan.imported else sampling_of(planned, benchmark.profile)
        request = k2vv.prepared(sample.input, model=source.plan.endpoint.model, sampling=sampling)
        number = int(sample.id.partition("-")[0])
        if index in results.failures:
            yield number, request, results.failures[index], None
            continue
        answer = benchmark.read(exchange_at(source.journal.path, results.answers[index]).completion)
        called = answer.finish_reason == "tool_calls" and answer.tool_calls
        yield number, request, answer, index in results.valid if called else None
