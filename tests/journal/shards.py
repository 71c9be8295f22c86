"""Shards of a quiz, each run by a process of its own as far as its journal can tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kvv_action.journal.merge import examine, merged
from kvv_action.plan.plan import plan_digest
from kvv_action.plan.shard import divide
from kvv_action.schema import BenchmarkResult, RunReport, Shard
from kvv_action.verdict.report import build
from tests.ask.fakes import FakeClient, Run

Assignment = Mapping[str, Mapping[str, int]]
"""By benchmark and sample, the number of its shard."""


def shard_of(run: Run, number: int, of: int, folder: Path, assignment: Assignment | None = None) -> Run:
    """One shard of a run; by an assignment of the test's own instead of ours, when there is one."""
    plan, loaded = divide(run.plan, run.loaded, number, of)
    if assignment is not None:
        mine = {
            name: frozenset(sample for sample, shard in shards.items() if shard == number)
            for name, shards in assignment.items()
        }
        sizes = {name: len(ids) for name, ids in mine.items()}
        plan = replace(run.plan, shard=Shard(number=number, of=of, plan=plan_digest(run.plan), samples=sizes))
        loaded = tuple(replace(item, mine=mine[item.planned.id]) for item in run.loaded)
    folder.mkdir(parents=True, exist_ok=True)
    return Run(folder / "journal.jsonl", loaded, plan, run.profile)


async def ask_shards(
    run: Run, of: int, folder: Path, client: Callable[[], FakeClient], assignment: Assignment | None = None
) -> list[Run]:
    """Every shard, asked."""
    shards = [shard_of(run, number, of, folder / str(number), assignment) for number in range(1, of + 1)]
    for shard in shards:
        await shard.session(client())
    return shards


def merge_to(path: Path, journals: Sequence[Path]) -> RunReport:
    """The report of merged journals."""
    path.write_bytes(b"".join(merged(examine(journals))))
    return build(path)


def told(report: RunReport) -> tuple[object, ...]:
    """What shards and one run must agree in: verdicts, scores, counts, cases, usage, the plan."""
    return report.verdict, report.reason, report.state, report.plan_digest, report.benchmarks, report.usage


def result(report: RunReport, name: str = "quiz") -> BenchmarkResult:
    """One benchmark of a report."""
    (found,) = [one for one in report.benchmarks if one.id == name]
    return found
