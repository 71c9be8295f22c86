"""Runs ToolCall against the embedded vendor, or on made-up answers, and tells what it concluded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.toolcall.benchmark import ToolCallBenchmark
from benchmarks.toolcall.options import ToolCallOptions
from entrypoint.compose import run_verification
from entrypoint.console import QuietObserver
from entrypoint.prepare import Demonstration
from entrypoint.settings import load
from kvv_action.benchmark import Options
from kvv_action.dataset.load import load as load_rows
from kvv_action.endpoint.reassembly import Reassembly
from kvv_action.endpoint.stream import EventReader
from kvv_action.profiles import loader
from kvv_action.schema import BenchmarkResult, Completion, Exchange, Json, Sample, Score, ToolCall
from kvv_action.simulator import AnswerBook, VendorOptions, parse_fault
from kvv_action.simulator.vendor import Vendor
from tests.patience import SETTINGS

PROFILE = "kimi-k2-thinking"


def demo(out: Path, *faults: str, **settings: str) -> BenchmarkResult:
    """One demonstration of toolcall alone; `settings` are further ones, by field name."""
    chosen = {"profile": PROFILE, "benchmarks": "toolcall", "precheck": "off", "out": str(out), **SETTINGS, **settings}
    report = run_verification(load(chosen), QuietObserver(), demonstration=Demonstration(faults=faults))
    (result,) = report.benchmarks
    return result


def causes(result: BenchmarkResult) -> dict[str, int]:
    """Recognised causes with their counts."""
    return {found.cause: found.count for found in result.diagnosis}


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark with its samples at hand."""

    benchmark: ToolCallBenchmark
    samples: Sequence[Sample]

    async def score(self, number: int, completion: Completion) -> Score:
        """Judge an answer to the nth sample, counted from 0."""
        return await self.benchmark.score(self.samples[number], [Exchange(call=0, completion=completion)])


def bundled(**options: Any) -> Bench:
    """The bundled requests."""
    return _bench("bundled", options)


def local(path: Path, **options: Any) -> Bench:
    """A file that is there."""
    return _bench(str(path), options)


def dataset(path: Path, requests: Sequence[Mapping[str, Json]], **options: Any) -> Bench:
    """Requests of a test."""
    path.write_bytes(b"".join(orjson.dumps(request) + b"\n" for request in requests))
    return _bench(str(path), options)


def _bench(location: str, options: dict[str, Any]) -> Bench:
    profile = loader.load(options.pop("profile", PROFILE))
    own = ToolCallOptions(toolcall_mode=options.pop("toolcall_mode", "chat"))
    benchmark = ToolCallBenchmark(Options(**options), own)
    rows = load_rows("toolcall", "benchmarks.toolcall", benchmark.pin, location, cache=options.get("dataset_cache", ""))
    return Bench(benchmark, list(benchmark.samples(rows, profile)))


def request(text: str = "Go", *, tools: Json = None, **fields: Json) -> dict[str, Json]:
    """A request with one user message and a tool named `go`."""
    tools = [tool({"type": "object", "properties": {"a": {"type": "string"}}})] if tools is None else tools
    return {"model": "x", "messages": [{"role": "user", "content": text}], "tools": tools, **fields}


def tool(parameters: Json, name: str = "go") -> dict[str, Json]:
    """A tool as requests declare it."""
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def result_row(index: int, asked: Mapping[str, Json], finish: str | None, **fields: Json) -> dict[str, Json]:
    """A line of K2VV's results."""
    status = "success" if finish else "failed"
    return {"data_index": index, "request": asked, "status": status, "finish_reason": finish, **fields}


def write_rows(path: Path, rows: Sequence[Mapping[str, Json]]) -> str:
    """A file with one row a line; returns its name."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return str(path)


def calling(*arguments: str, name: str = "go", finish: str = "tool_calls", **fields: Any) -> Completion:
    """An answer that calls a tool once for each of `arguments`."""
    calls = tuple(
        ToolCall(id=f"functions.{name}:{number}", name=name, arguments=text) for number, text in enumerate(arguments)
    )
    return Completion(content="", tool_calls=calls, finish_reason=finish, **fields)


def saying(text: str = "No.", finish: str = "stop", **fields: Any) -> Completion:
    """An answer without calls."""
    return Completion(content=text, finish_reason=finish, **fields)


class Served:
    """The embedded vendor without a socket: answers of the bundled requests, scored."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._book = AnswerBook([(bench.benchmark, bench.samples)])
        self._profile = loader.load(PROFILE)

    async def scores(self, fault: str, seed: int) -> list[Score]:
        """The score of every sample, with a fault at a rate, drawn by `seed`."""
        options = VendorOptions(profile=self._profile, model="m", faults=(parse_fault(fault),), seed=seed)
        vendor = Vendor(options, self._book)
        scores = []
        for number, sample in enumerate(self._bench.samples):
            asked = self._bench.benchmark.request(sample)
            body = {"model": "m", "messages": asked.messages, **asked.body, "stream": asked.stream}
            reply = vendor.complete("", orjson.dumps(body))
            scores.append(await self._bench.score(number, _read(b"".join(reply.parts), streamed=reply.streamed)))
        return scores


def _read(body: bytes, *, streamed: bool) -> Completion:
    assembly = Reassembly()
    if streamed:
        reader = EventReader()
        assembly.feed([*reader.feed(body), *reader.close()])
        assembly.end()
    else:
        assembly.document(body)
    return assembly.completion(str, streamed=streamed)
