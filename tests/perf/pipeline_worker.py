"""One run of the whole pipeline on one core: plan, requests, journal, scores, report; prints its figures as JSON.

Run as `python pipeline_worker.py URL SAMPLES CONNECTIONS OUT`. Only the benchmark is made up: its samples are counted,
its scorer compares text. Everything else is what `kvv run` uses.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvloop

from entrypoint.outputs import write_reports
from entrypoint.prepare import provenance
from kvv_action.ask.runner import Runner
from kvv_action.benchmark import BenchmarkBase, Generate, Rows, Sandbox
from kvv_action.endpoint.client import EndpointClient
from kvv_action.endpoint.options import ClientOptions
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.state import read_state
from kvv_action.plan.plan import Amount, Loaded, plan_benchmark
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.schema import (
    SCHEMA_VERSION,
    Answer,
    BenchmarkKind,
    EndpointInfo,
    Exchange,
    Message,
    ProfileInfo,
    Request,
    RunPlan,
    Sample,
    Score,
)
from kvv_action.verdict.report import build

KEY = "sk-perf-0123456789abcdef"
QUESTION = "What is six times seven? Think it over and put the result into a box. " * 8


class Counted(BenchmarkBase):
    """`count` questions with one answer."""

    id, title, version, metric = "perf", "Perf", "1", "accuracy"
    kind = BenchmarkKind.SCORED

    def __init__(self, count: int) -> None:
        self._count = count

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        for number in range(self._count):
            yield Sample(id=f"q{number}", input=QUESTION, target="42")

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        await generate(Request(messages=self.opening(sample)))

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        completion = exchanges[-1].completion
        assert completion is not None
        found = sample.target in completion.content
        return Score(value=float(found), answer=sample.target if found else "", explanation="contained")

    def opening(self, sample: Sample) -> Sequence[Message]:
        return ({"role": "user", "content": f"{sample.id}: {sample.input}"},)

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        return None


class Silent:
    """An observer that only counts."""

    done = 0

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """Nothing."""

    def finished(self, event: object) -> None:
        self.done += 1

    def state(self, message: str) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""


async def ask(plan: RunPlan, profile: Profile, loaded: Loaded, journal: Journal, url: str, connections: int) -> None:
    redactor = Redactor([KEY])
    options = ClientOptions(base_url=url, api_key=KEY, redactor=redactor, max_connections=connections)
    async with EndpointClient(options) as client:
        runner = Runner(
            plan=plan,
            profile=profile,
            loaded=[loaded],
            client=client,
            journal=journal,
            found=read_state(Reader(journal.path), plan),
            observer=Silent(),
            workers=connections,
        )
        sync = asyncio.create_task(journal.sync_forever())
        runner.finish(await runner.run())
        sync.cancel()


def main(url: str, samples: int, connections: int, out: Path) -> None:
    profile = loader.load("kimi-k2.6")
    loaded = plan_benchmark(Counted(samples), None, profile, Amount(tier="full", limit=None, epochs=1, seed=0))
    plan = RunPlan(
        endpoint=EndpointInfo(vendor="perf", base_url=url, model="m", think_mode="kimi", stream=False),
        profile=ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest),
        benchmarks=(loaded.planned,),
        tier="full",
        seed=0,
    )
    redactor = Redactor([KEY])
    with Journal(out / "journal.jsonl", redactor) as journal:
        journal.append(
            {
                "kind": "session",
                "schema": SCHEMA_VERSION,
                "session": 1,
                "started": time.time(),
                "plan": plan,
                "provenance": provenance({}),
            }
        )
        cpu, wall = time.process_time(), time.perf_counter()
        uvloop.run(ask(plan, profile, loaded, journal, url, connections))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        before = time.perf_counter()
        report = build(journal.path)
    write_reports(out, report, redactor)
    assert report.benchmarks[0].counts.scored == samples, report.benchmarks[0].failures
    figures = {
        "samples": samples,
        "connections": connections,
        "per_second": samples / wall,
        "per_cpu_second": samples / cpu,
        "report_seconds": time.perf_counter() - before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    os.sched_setaffinity(0, {0})
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
