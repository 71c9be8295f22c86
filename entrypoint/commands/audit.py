"""`kvv audit`: recompute a run from its journal, without the endpoint."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from benchmarks import registry
from entrypoint import imported
from entrypoint.bundling import is_redacted, opened
from entrypoint.compose import check_journal
from entrypoint.options import Parser
from entrypoint.prepare import amount_at, create, file_digest, load_benchmark, options_of
from kvv_action.bundle.check import differences as of_bundle
from kvv_action.bundle.check import manifest_in
from kvv_action.errors import JournalError, KvvError
from kvv_action.plan import variants as holdout
from kvv_action.plan.plan import NO_DATASET, Loaded, left_out
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.report.files import REPORT, canonical
from kvv_action.report.text import visible
from kvv_action.schema import PlannedBenchmark, RunPlan
from kvv_action.settings import Settings, field_name, load
from kvv_action.verdict.audit import DIFFERENCE_LIMIT, check_samples, compare, rescore
from kvv_action.verdict.report import build, read_plan

EPILOG = """The samples are needed to score again: bundled and hub datasets are found by themselves, local files are
named with --dataset. A bundle is unpacked without trusting anything in it. Exit status: 0 everything agrees,
1 something differs, 3 nothing differs, but the texts were taken out, so that scores cannot be recomputed."""

UNCHECKED = 3


def main(argv: Sequence[str]) -> int:
    """Check the chain, score every answer again, rebuild the report, compare."""
    parser = Parser(prog="kvv audit", description="Recompute a run from its journal and compare.", epilog=EPILOG)
    parser.add_argument("dir", metavar="DIR|BUNDLE", help="The folder or the archive that kvv wrote.")
    parser.add_argument("--dataset", action="append", default=[], metavar="ID=PATH", help="Where local samples are.")
    parser.add_argument("--dataset-cache", default="", metavar="DIR", help="Folder of cached hub datasets.")
    parser.add_argument("--mfjs-cases", default="", metavar="DIR", help="The schemas, when the run had any.")
    parser.add_argument("--tokenizer", default="", metavar="FILE", help="The tokenizer, when the run had one.")
    parser.add_argument("--profile", default="", metavar="FILE", help="The profile, when it was a file.")
    parser.add_argument("--reference", action="append", default=[], metavar="FILE", help="The reference, when a file.")
    values = parser.read(argv)
    with opened(Path(values.dir)) as evidence:
        out = evidence.folder
        journal = check_journal(out)
        plan = read_plan(journal)
        manifest = manifest_in(journal.parent)
        report = (out if out.is_dir() else out.parent) / REPORT
        if is_redacted(journal):
            return _tell_redacted(_unscored(report, journal, manifest), values.dir)
        differences = _differences(values, plan, report, journal)
        differences += _of_bundle(journal, manifest)
    return _tell(differences, values.dir)


def _differences(values: argparse.Namespace, plan: RunPlan, report: Path, journal: Path) -> list[str]:
    """Score everything again and compare."""
    settings = load(
        {
            "dataset": values.dataset,
            "dataset_cache": values.dataset_cache,
            "allow_dataset_drift": "true",
            "mfjs_cases": values.mfjs_cases,
            "tokenizer": values.tokenizer,
            "reference": values.reference or _references(plan, journal.parent),
        }
    )
    if file_digest(settings.tokenizer) != plan.tokenizer:
        raise KvvError("the run used another tokenizer file; name it with --tokenizer FILE")
    name = values.profile or plan.profile.name
    profile = imported.profile_of(name) if plan.imported else loader.load(name)
    differences = asyncio.run(_audit(report, journal, plan, _load(plan, profile, settings, journal.parent)))
    if profile.digest != plan.profile.digest:
        differences.insert(
            0, f"profile {profile.name}: at hand {profile.digest[:16]}, the run used {plan.profile.digest[:16]}"
        )
    return differences


def _unscored(report: Path, journal: Path, manifest: Any) -> list[str]:
    """What can be checked of a journal without texts: chain, counts, verdict, files."""
    try:
        differences = _compared(report, _plain(build(journal)))
    except JournalError as error:
        return [str(error)]
    return differences + _of_bundle(journal, manifest)


def _of_bundle(journal: Path, manifest: Any) -> list[str]:
    """What differs of the other files of a bundle; a journal that does not hold together was told already."""
    if manifest is None:
        return []
    with suppress(JournalError):
        return list(of_bundle(journal.parent, manifest, build(journal)))
    return []


def _references(plan: RunPlan, out: Path) -> list[str]:
    """What an imported run was compared with stands beside its journal."""
    return list(imported.references_in(out) or ("none",)) if plan.imported else []


def _load(plan: RunPlan, profile: Profile, settings: Settings, out: Path) -> list[Loaded]:
    loaded = []
    raw = any(planned.version.endswith(" completions") for planned in plan.benchmarks)
    of_plan = {
        "contract": plan.contract,
        "think_mode": plan.endpoint.think_mode,
        "tier": plan.tier,
        "probes": plan.probes,
        **{
            field_name(name): tuple(value) if isinstance(value, list) else value for name, value in plan.choices.items()
        },
        "toolcall_mode": "completions" if raw else "chat",
        "reference_base_url": plan.reference.base_url if plan.reference else "",
        "reference_model": plan.reference.model if plan.reference else "",
    }
    options = options_of(settings.model_copy(update=of_plan), plan.endpoint.model)
    known = [planned for planned in plan.benchmarks if planned.id in registry.IDS]  # varied ones follow from these
    for planned, benchmark in zip(known, create([planned.id for planned in known], options), strict=True):
        amount = {
            "tier": plan.tier, "limit": plan.limit, "epochs": planned.epochs, "seed": plan.seed,
            "holdout": plan.holdout,
        }  # fmt: skip
        chosen = settings.model_copy(update=amount)
        if planned.skip and planned.dataset == NO_DATASET:  # left out of the tier: nothing was read
            loaded.append(left_out(benchmark, profile, amount_at(chosen, plan.tier), planned.skip))
            continue
        loaded.append(load_benchmark(benchmark, chosen, profile, location=_location(planned, settings, out)))
    return list(holdout.applied(loaded, plan.holdout, plan.seed))


def _location(planned: PlannedBenchmark, settings: Settings, out: Path) -> str:
    given = settings.dataset.get(planned.id, "")
    if given or planned.dataset.source in ("hub", "archive", "code"):
        return given
    beside = out / Path(planned.dataset.location).name
    if beside.is_file():
        return str(beside)
    if planned.dataset.source == "bundled":
        return "bundled"
    raise KvvError(
        f"{planned.id}: the run used the local file {visible(planned.dataset.location)}; "
        f"name it with --dataset {planned.id}=PATH"
    )


async def _audit(source: Path, journal: Path, plan: RunPlan, loaded: list[Loaded]) -> list[str]:
    differences = check_samples(plan, loaded)
    try:
        scores, wrong = await rescore(journal, plan, loaded)
    except JournalError as error:
        return [*differences, str(error)]
    finally:
        for item in loaded:
            await item.benchmark.aclose()
    differences += wrong
    recomputed = _plain(build(journal, rescored=scores))
    return differences + _compared(source, recomputed)


def _compared(source: Path, recomputed: Any) -> list[str]:
    if not source.is_file():
        return [f"{source}: no such file, so there is nothing to compare with"]
    try:
        written = orjson.loads(source.read_bytes())
    except orjson.JSONDecodeError as error:
        return [f"{source}: not JSON ({error})"]
    return list(compare(written, recomputed))


def _plain(report: Any) -> Any:
    return orjson.loads(canonical(report))


def _tell_redacted(differences: list[str], source: str) -> int:
    """What holds, and what nobody can check."""
    if differences:
        return _tell(differences, source)
    sys.stdout.write(
        f"{visible(source, 500)}: the chain holds, and report.json follows from the scores in the journal\n"
        "not checked: the scores themselves; texts were taken out, and digests stand for them\n"
    )
    return UNCHECKED


def _tell(differences: list[str], source: str) -> int:
    for difference in differences[:DIFFERENCE_LIMIT]:
        sys.stdout.write(f"differs: {visible(difference, 500)}\n")
    if len(differences) > DIFFERENCE_LIMIT:
        sys.stdout.write(f"… and {len(differences) - DIFFERENCE_LIMIT} more\n")
    if not differences:
        sys.stdout.write(
            f"{visible(source, 500)}: the chain holds, every score and every number of report.json was reached again\n"
        )
    return 1 if differences else 0
