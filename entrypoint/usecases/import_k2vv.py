"""Makes a run from a result file of K2VV: its answers are judged and kept as if kvv had asked."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrypoint import imported
from entrypoint.compose import exit_code, export
from entrypoint.console import QuietObserver
from entrypoint.outputs import usable_folder, write_reports
from entrypoint.prepare import create, file_digest, load_benchmark, provenance
from entrypoint.settings import load
from entrypoint.usecases.finish import FinishedRun
from kvv_action.ask.runner import Runner
from kvv_action.errors import Problem, UsageError, absent
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.state import read_state
from kvv_action.plan.plan import Loaded
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.schema import SCHEMA_VERSION, EndpointInfo, ProfileInfo, RunPlan
from kvv_action.verdict.report import build


def import_k2vv(
    source: Path, out: Path, *, references: Sequence[Path] = (), profile: str = "", vendor: str = ""
) -> FinishedRun:
    """Read a result file, judge its answers, write journal and reports.

    Args:
        source: the result file.
        out: the folder for journal and reports.
        references: result files to compare with.
        profile: name or file; empty for the profile of the model, or one without references.
        vendor: its name in reports; empty for the name of the file.

    Raises:
        UsageError: a file is missing, there is no such profile, or `out` holds a run.
    """
    _check(source, references, out)
    started, model = imported.spans([source])
    rules = imported.profile_of(profile, model)
    imported.keep_requests(source, out / imported.REQUESTS)
    for number, path in enumerate(references, 1):
        imported.keep_reference(path, out / imported.REFERENCE.format(number))
    loaded = _load(out, rules, model)
    plan = _plan(source, vendor, rules, loaded, model)
    with Journal(out / JOURNAL, Redactor()) as journal:
        journal.append(
            {"kind": "session", "schema": SCHEMA_VERSION, "session": 1, "started": started, "plan": plan,
             "provenance": provenance({})}
        )  # fmt: skip
        asyncio.run(_replay(plan, rules, loaded, journal, source))
        report = build(journal.path)
    asyncio.run(export(out, plan, [loaded], Redactor()))
    write_reports(out, report, Redactor())
    return FinishedRun(report=report, folder=out, status=exit_code(report))


def _check(source: Path, references: Sequence[Path], out: Path) -> None:
    """Refuse what cannot be read, and a folder that holds a run.

    Raises:
        UsageError: one `Problem` for each.
    """
    sources = [("FILE", source), *(("--reference", path) for path in references)]
    problems = [
        Problem(name=name, value=str(path), allowed=absent(path)) for name, path in sources if not path.is_file()
    ]
    if (out / JOURNAL).exists():
        allowed = "Holds a run already; choose another folder."
        problems.append(Problem(name="--out", value=str(out), allowed=allowed))
    if problems:
        raise UsageError(problems)
    usable_folder(out)


def _plan(source: Path, vendor: str, profile: Profile, loaded: Loaded, model: str) -> RunPlan:
    return RunPlan(
        endpoint=EndpointInfo(vendor=vendor or source.stem, base_url=imported.ENDPOINT, model=model, think_mode="none"),
        profile=ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest),
        benchmarks=(loaded.planned,),
        tier="full",
        seed=0,
        precheck="off",
        imported=f"{source.name} sha256:{file_digest(str(source))}",
    )


def _load(out: Path, profile: Profile, model: str) -> Loaded:
    chosen: dict[str, Any] = {
        "dataset": f"{imported.BENCHMARK}={out / imported.REQUESTS}",
        "tier": "full",
        "sequential": "false",
        "reference": list(imported.references_in(out)) or ["none"],
    }
    settings = load(chosen)
    (benchmark,) = create([imported.BENCHMARK], settings, model)
    return load_benchmark(benchmark, settings, profile, location=settings.dataset[imported.BENCHMARK])


async def _replay(plan: RunPlan, profile: Profile, loaded: Loaded, journal: Journal, source: Path) -> None:
    replay = imported.Replay(source)
    runner = Runner(
        plan=plan,
        profile=profile,
        loaded=[loaded],
        client=replay,
        journal=journal,
        found=read_state(Reader(journal.path), plan),
        observer=QuietObserver(),
        workers=1,  # answers come in the order of the file
        clock=lambda: replay.now,
    )
    runner.finish(await runner.run())
    await loaded.benchmark.aclose()
