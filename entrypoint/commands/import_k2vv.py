"""`kvv import-k2vv`: a run folder from a result file of K2VV."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrypoint import imported
from entrypoint.compose import exit_code, export
from entrypoint.console import QuietObserver, print_report
from entrypoint.options import Parser
from entrypoint.outputs import make_folder, write_reports
from entrypoint.prepare import create, file_digest, load_benchmark, options_of, provenance
from kvv_action.ask.runner import Runner
from kvv_action.errors import Problem, UsageError
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.reading import survey
from kvv_action.plan.plan import Loaded
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.schema import SCHEMA_VERSION, EndpointInfo, ProfileInfo, RunPlan
from kvv_action.settings import load
from kvv_action.verdict.report import build

EPILOG = """examples:
  kvv import-k2vv results.jsonl --reference official/results.jsonl --out imported
  kvv audit imported

Every answer is judged again; what the file says of its validity is not taken over."""


def main(argv: Sequence[str]) -> int:
    """Read the file, judge its answers, write journal and reports."""
    parser = Parser(prog="kvv import-k2vv", description="Make a run from a result file of K2VV.", epilog=EPILOG)
    parser.add_argument("file", metavar="FILE", help="K2VV's results.jsonl.")
    parser.add_argument(
        "--reference", action="append", default=[], metavar="FILE", help="Result file to compare with; repeatable."
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="Folder for journal and reports.")
    parser.add_argument("--profile", default="", metavar="NAME|FILE", help="Profile. Default: the model's, or none.")
    parser.add_argument("--vendor", default="", metavar="TEXT", help="Name in reports. Default: the file's name.")
    values = parser.read(argv)
    source, out = Path(values.file), Path(values.out)
    references = [Path(name) for name in values.reference]
    _check([("FILE", source), *(("--reference", path) for path in references)], out)
    started, model = imported.spans([source])
    profile = imported.profile_of(values.profile, model)
    imported.keep_requests(source, out / imported.REQUESTS)
    for number, path in enumerate(references, 1):
        imported.keep_reference(path, out / imported.REFERENCE.format(number))
    loaded = _load(out, profile, model)
    plan = RunPlan(
        endpoint=EndpointInfo(
            vendor=values.vendor or source.stem, base_url=imported.ENDPOINT, model=model, think_mode="none"
        ),
        profile=ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest),
        benchmarks=(loaded.planned,),
        tier="full",
        seed=0,
        precheck="off",
        imported=f"{source.name} sha256:{file_digest(str(source))}",
    )
    with Journal(out / JOURNAL, Redactor()) as journal:
        journal.append(
            {"kind": "session", "schema": SCHEMA_VERSION, "session": 1, "started": started, "plan": plan,
             "provenance": provenance({})}
        )  # fmt: skip
        asyncio.run(_replay(plan, profile, loaded, journal, source))
        report = build(journal.path)
    asyncio.run(export(out, plan, [loaded], Redactor()))
    write_reports(out, report, Redactor())
    print_report(report, str(out))
    return exit_code(report)


def _check(sources: Sequence[tuple[str, Path]], out: Path) -> None:
    """Refuse what cannot be read, and a folder that holds a run.

    Raises:
        UsageError: one `Problem` for each.
    """
    problems = [
        Problem(name=name, value=str(path), allowed="There is no such file.")
        for name, path in sources
        if not path.is_file()
    ]
    if (out / JOURNAL).exists():
        problems.append(Problem(name="--out", value=str(out), allowed="Holds a run already; choose another folder."))
    if problems:
        raise UsageError(problems)
    try:
        make_folder(out)
    except OSError as error:
        raise UsageError(
            [Problem(name="--out", value=str(out), allowed=f"Cannot be used: {error.strerror}.")]
        ) from None


def _load(out: Path, profile: Profile, model: str) -> Loaded:
    chosen: dict[str, Any] = {
        "dataset": f"{imported.BENCHMARK}={out / imported.REQUESTS}",
        "tier": "full",
        "sequential": "false",
        "reference": list(imported.references_in(out)) or ["none"],
    }
    settings = load(chosen)
    (benchmark,) = create([imported.BENCHMARK], options_of(settings, model))
    return load_benchmark(benchmark, settings, profile, location=settings.dataset[imported.BENCHMARK])


async def _replay(plan: RunPlan, profile: Profile, loaded: Loaded, journal: Journal, source: Path) -> None:
    replay = imported.Replay(source)
    runner = Runner(
        plan=plan,
        profile=profile,
        loaded=[loaded],
        client=replay,
        journal=journal,
        found=survey(Reader(journal.path), plan),
        observer=QuietObserver(),
        workers=1,  # answers come in the order of the file
        clock=lambda: replay.now,
    )
    runner.finish(await runner.run())
    await loaded.benchmark.aclose()
