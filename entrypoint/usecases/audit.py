"""Recomputes a run from its evidence, without the endpoint: the chain, every score, the report and the bundle."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from benchmarks import registry
from entrypoint import imported
from entrypoint.bundling import opened
from entrypoint.compose import check_journal
from entrypoint.prepare import amount_at, file_digest, load_benchmark, options_of, with_rules
from entrypoint.reference_packs import read_pack, runs_of
from entrypoint.settings import composed, given_again, load, options_of_plan
from kvv_action.bundle.check import differences as of_bundle
from kvv_action.bundle.check import manifest_in
from kvv_action.errors import JournalError, KvvError
from kvv_action.journal.reading import JournalReading, read_plan
from kvv_action.options import fact, is_choice
from kvv_action.plan import variants as holdout
from kvv_action.plan.difference import AuditDifference, DifferenceKind, differing
from kvv_action.plan.plan import NO_DATASET, Loaded, ReferenceRun, left_out
from kvv_action.plan.reference_pack import is_pack
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.report.files import REPORT, canonical
from kvv_action.report.text import visible
from kvv_action.schema import PlannedBenchmark, RunPlan, RunReport
from kvv_action.settings import Settings
from kvv_action.verdict.audit import check_samples, rescore
from kvv_action.verdict.report import build
from kvv_action.verdict.rules import rules_of

AGREES, DIFFERS, UNCHECKED = 0, 1, 3
MOST = 100
"""Differences that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit, and where to find what the evidence does not hold.

    Attributes:
        source: the folder, journal or bundle that kvv wrote.
        dataset: `ID=PATH` of local samples.
        dataset_cache: folder of cached hub datasets.
        profile: the file of the profile, where the run used one.
        paths: the files and folders that no plan holds, by their settings (`entrypoint.settings.given_again`).
        reference: the files that the run was compared with.
        packs: reference packs; what the plan holds of one of them is checked.
    """

    source: Path
    dataset: Sequence[str] = ()
    dataset_cache: str = ""
    profile: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    reference: Sequence[str] = ()
    packs: Sequence[Path] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """What an audit found.

    Attributes:
        source: what was audited, as the user named it.
        redacted: the texts were taken out of the evidence, so the scores were not recomputed.
    """

    source: str
    differences: tuple[AuditDifference, ...]
    redacted: bool = False

    @property
    def status(self) -> int:
        """The exit status: 0 everything agrees, 1 something differs, 3 nothing differs but scores were not checked."""
        return DIFFERS if self.differences else UNCHECKED if self.redacted else AGREES

    def lines(self) -> Iterator[str]:
        """For people: the first differences, or what agrees."""
        yield from (f"differs: {visible(str(difference), 500)}" for difference in self.differences[:MOST])
        if len(self.differences) > MOST:
            yield f"… and {len(self.differences) - MOST} more"
        source = visible(self.source, 500)
        if self.status == UNCHECKED:
            yield f"{source}: the chain holds, and report.json follows from the scores in the journal"
            yield "not checked: the scores themselves; texts were taken out, and digests stand for them"
        elif self.status == AGREES:
            yield f"{source}: the chain holds, every score and every number of report.json was reached again"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recomputed:
    """What follows from a journal.

    Attributes:
        differences: of profile, samples and scores; or that the journal does not hold together.
        report: by the new scores; None where the journal does not hold together.
        as_written: every score is the one in the journal, so that `report` is also the journal's own.
    """

    differences: list[AuditDifference]
    report: RunReport | None = None
    as_written: bool = True


def audit(request: AuditRequest) -> AuditResult:
    """Check the chain, score every answer again, rebuild the report and compare.

    Raises:
        KvvError: there is no evidence, or something that the run used is not at hand.
    """
    with opened(request.source) as evidence:
        journal = check_journal(evidence.folder)
        manifest = manifest_in(journal.parent)
        try:
            reading = JournalReading(journal)
        except JournalError as error:
            read_plan(journal)  # raises where not even the first line is one of a journal
            return AuditResult(source=str(request.source), differences=(_broken(error),))
        redacted = bool(reading.state.redacted_from)
        found = _unscored(reading) if redacted else _rescored(request, reading)
        differences = [*found.differences, *_of_report(journal.parent / REPORT, found.report)]
        if manifest is not None:
            differences += _of_bundle(reading, manifest, found)
    return AuditResult(source=str(request.source), differences=tuple(differences), redacted=redacted)


def _broken(error: JournalError) -> AuditDifference:
    return AuditDifference(place="", kind=DifferenceKind.JOURNAL, recomputed=str(error))


def _unscored(reading: JournalReading) -> _Recomputed:
    """By the scores in the journal: without texts, chain, counts, verdict and files can be checked, but not these."""
    try:
        return _Recomputed(differences=[], report=build(reading))
    except JournalError as error:
        return _Recomputed(differences=[_broken(error)])


def _rescored(request: AuditRequest, reading: JournalReading) -> _Recomputed:
    """By new scores.

    Raises:
        KvvError: something that the run used is not at hand.
    """
    plan, folder = reading.plan, reading.path.parent
    beside = _beside(folder)
    settings = load(
        {
            "dataset": request.dataset,
            "dataset_cache": request.dataset_cache,
            "allow_dataset_drift": "true",
            **beside,
            **{name: path for name, path in request.paths.items() if path or name not in beside},
            "reference": request.reference or _references(plan, folder),
        }
    )
    if file_digest(settings.tokenizer) != plan.tokenizer:
        raise KvvError("the run used another tokenizer file; name it with --tokenizer FILE")
    name = request.profile or plan.profile.name
    profile = imported.profile_of(name) if plan.imported else loader.load(name)
    packs = [*map(str, request.packs), *filter(is_pack, settings.reference)]
    loaded = _load(plan, profile, settings, _DataPlaces.of(reading), _packed(plan, packs))
    found = asyncio.run(_scored_again(reading, loaded))
    return replace(found, differences=[*_of_profile(plan, profile), *found.differences])


def _packed(plan: RunPlan, packs: Sequence[str]) -> Mapping[str, ReferenceRun]:
    """By benchmark that one of these packs judged, its answers.

    Raises:
        KvvError: a pack cannot be read.
    """
    runs = {pack.digest: runs_of(pack) for pack in map(read_pack, packs)}
    return {name: runs[digest][name] for name, digest in plan.reference_packs.items() if name in runs.get(digest, {})}


def _of_profile(plan: RunPlan, profile: Profile) -> Iterator[AuditDifference]:
    mine, theirs = profile.digest, plan.profile.digest
    if mine != theirs:
        place = f"profile {profile.name}"
        yield AuditDifference(place=place, kind=DifferenceKind.PROFILE, written=theirs[:16], recomputed=mine[:16])


async def _scored_again(reading: JournalReading, loaded: Sequence[Loaded]) -> _Recomputed:
    differences = check_samples(reading.plan, loaded)
    try:
        again = await rescore(reading, loaded)
    except JournalError as error:
        return _Recomputed(differences=[*differences, _broken(error)])
    finally:
        for item in loaded:
            await item.benchmark.aclose()
    report = build(reading, rescored=again.changed)
    found = [*differences, *again.differences]
    return _Recomputed(differences=found, report=report, as_written=not again.differences)


def _of_report(path: Path, recomputed: RunReport | None) -> Iterator[AuditDifference]:
    """Where `report.json` is not the recomputed report."""
    if recomputed is None:
        return
    if not path.is_file():
        yield AuditDifference(place=str(path), kind=DifferenceKind.NO_REPORT)
        return
    try:
        written = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        yield AuditDifference(place=str(path), kind=DifferenceKind.NO_JSON, recomputed=str(error))
        return
    yield from differing(written, orjson.loads(canonical(recomputed)))


def _of_bundle(reading: JournalReading, manifest: Any, found: _Recomputed) -> list[AuditDifference]:
    """What differs in the other files of a bundle; that a journal does not hold together is in `found` already."""
    with suppress(JournalError):
        report = found.report if found.report is not None and found.as_written else build(reading)
        return list(of_bundle(reading.path.parent, manifest, report))
    return []


def _beside(folder: Path) -> dict[str, str]:
    """Copies beside the journal of files that the run's settings named."""
    fields = composed().model_fields
    names = {name: fact(fields[name], "beside") for name in given_again() if is_choice(fields[name])}
    return {name: str(folder / copy) for name, copy in names.items() if copy and (folder / copy).is_file()}


def _references(plan: RunPlan, folder: Path) -> list[str]:
    """What an imported run was compared with lies beside its journal."""
    return list(imported.references_in(folder) or ("none",)) if plan.imported else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _DataPlaces:
    """Where local datasets of a run can be found again.

    Attributes:
        folder: of the evidence.
        said: whole paths by benchmark, as the command of the run named them.
    """

    folder: Path
    said: Mapping[str, str]

    @classmethod
    def of(cls, reading: JournalReading) -> "_DataPlaces":
        """As the last session of a journal says it."""
        words = list(reading.state.sessions[-1]["provenance"].get("again", ()))
        pairs = [value.partition("=") for option, value in pairwise(words) if option == "--dataset"]
        return cls(folder=reading.path.parent, said={name: path for name, _, path in pairs})

    def of_benchmark(self, planned: PlannedBenchmark, given: str) -> list[str]:
        """The places to try, one at least; the first is taken where none has the right digest.

        Raises:
            KvvError: a local file is nowhere.
        """
        if given or planned.dataset.source in ("hub", "archive", "code"):
            return [given]
        name = Path(planned.dataset.location).name
        known = [self.said.get(planned.id, ""), str(self.folder / name), name]
        there = [place for place in known if place and place != "bundled" and Path(place).exists()]
        if planned.dataset.source == "bundled":
            return [*(place for place in there if place == str(self.folder / name)), "bundled"]
        if there:
            return list(dict.fromkeys(there))
        raise KvvError(
            f"{planned.id}: the run used the local file {visible(planned.dataset.location)}, which is not at "
            f"{visible(', '.join(place for place in known if place))}; name it with --dataset {planned.id}=PATH"
        )


def _load(
    plan: RunPlan, profile: Profile, settings: Settings, places: _DataPlaces, packed: Mapping[str, ReferenceRun]
) -> list[Loaded]:
    loaded = []
    of_plan = {
        "contract": plan.contract,
        "think_mode": plan.endpoint.think_mode,
        "effort": plan.endpoint.effort,
        "tier": plan.tier,
        "reference_base_url": plan.reference.base_url if plan.reference else "",
        "reference_model": plan.reference.model if plan.reference else "",
        "judge_base_url": plan.judge.base_url if plan.judge and not plan.demonstration else "",
        "judge_model": plan.judge.model if plan.judge and not plan.demonstration else "",
    }
    options = options_of(settings.model_copy(update=of_plan), plan.endpoint.model)
    asked = [planned for planned in plan.benchmarks if not planned.is_variant]  # variants follow from these
    profile, strata = with_rules(profile, [planned.id for planned in asked]), rules_of(plan).strata
    for planned in asked:
        benchmark = registry.create(planned.id, options, options_of_plan(plan, planned, settings))
        amount = {
            "tier": plan.tier, "limit": plan.limit, "epochs": planned.epochs, "seed": plan.seed,
            "holdout": plan.holdout,
        }  # fmt: skip
        chosen = settings.model_copy(update={**of_plan, **amount})
        if planned.skip and planned.dataset == NO_DATASET:  # left out of the tier: nothing was read
            loaded.append(left_out(benchmark, profile, amount_at(chosen, plan.tier), planned.skip))
            continue
        found: list[Loaded] = []
        for location in places.of_benchmark(planned, settings.dataset.get(planned.id, "")):
            fresh = registry.create(planned.id, options, options_of_plan(plan, planned, settings))
            found.append(
                load_benchmark(fresh, chosen, profile, location=location, reference_runs=packed, strata=strata)
            )  # fmt: skip
            if found[-1].planned.dataset.digest == planned.dataset.digest:
                break
        loaded.append(_with_digest(found, planned.dataset.digest))
    return list(holdout.applied(loaded, plan.holdout, plan.seed))


def _with_digest(found: Sequence[Loaded], digest: str) -> Loaded:
    """The data that the run used, or else what the first place has: the audit then says that it differs."""
    return next((one for one in found if one.planned.dataset.digest == digest), found[0])
