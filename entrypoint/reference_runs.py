"""The runs that `reference` names: kvv against an official endpoint; scores are compared with them by sample."""

from collections.abc import Collection, Mapping
from pathlib import Path

from entrypoint.reference_packs import read_pack, refused_because, runs_of
from kvv_action.compare.sampled import Sampled
from kvv_action.compare.side import Side, read
from kvv_action.errors import KvvError, Problem, UsageError
from kvv_action.plan.plan import ReferenceRun
from kvv_action.plan.reference_pack import drift_over, is_pack
from kvv_action.report.files import REPORT
from kvv_action.report.levels import TABLE
from kvv_action.report.place import no_run
from kvv_action.report.text import one_line
from kvv_action.schema import BenchmarkKind, Reference
from kvv_action.settings import Settings


def reference_runs_of(
    settings: Settings, profile: str, comparing: Collection[str], *, asked: bool, demonstration: bool
) -> Mapping[str, ReferenceRun]:
    """The benchmarks of the runs that `reference` names, by id; if several runs have one, the first counts.

    Args:
        settings: the user's.
        profile: name of this run's.
        comparing: the benchmarks that take other references too, and check those themselves.
        asked: whether one of them is asked.
        demonstration: whether this run is one.

    Raises:
        UsageError: a folder holds no run, or one that cannot be compared with.
    """
    found: dict[str, ReferenceRun] = {}
    for name in settings.reference:
        if is_pack(name):
            found = {**_of_pack(name, profile, demonstration=demonstration), **found}
            continue
        if (Path(name) / TABLE).is_file():
            raise _refused(name, f"{no_run(Path(name), REPORT)}.")
        if not (Path(name) / REPORT).is_file():
            if asked:
                continue
            only = " or ".join(sorted(comparing))
            missing = "" if Path(name).exists() else ", for there is no such file or folder"
            wanted = f"give the folder of a run, or a pack. Only {only}, which is not asked, takes other files."
            raise _refused(name, f"There is no {REPORT} in it{missing}; {wanted}")
        try:
            side = read(Path(name))
        except KvvError as error:
            raise _refused(name, f"It cannot be read: {error}.") from error
        if side.report.profile.name != profile:
            raise _refused(name, f"It is a run by profile {side.report.profile.name}, this one is by {profile}.")
        if side.report.demonstration != demonstration:
            raise _refused(name, "One of the two runs is a demonstration with the embedded vendor, the other is not.")
        if side.journal is None:
            raise _refused(name, "It has no journal beside its report; give the whole folder.")
        found = {**_reference_runs(side), **found}
    return found


def _of_pack(name: str, profile: str, *, demonstration: bool) -> dict[str, ReferenceRun]:
    try:
        pack = read_pack(name)
    except KvvError as error:
        raise _refused(name, f"It cannot be used: {error}.") from error
    if why := refused_because(pack, profile, demonstration=demonstration):
        raise _refused(name, why)
    return runs_of(pack)


def _reference_runs(side: Side) -> dict[str, ReferenceRun]:
    report, found = side.report, dict[str, ReferenceRun]()
    for planned in report.plan.benchmarks:
        samples = side.samples.get(planned.id, {})
        values = {name: one.value for name, one in samples.items() if one.scored}
        if planned.kind is BenchmarkKind.SCORED and values:
            run = f"run of {one_line(report.endpoint.model, 80)} at {one_line(report.endpoint.vendor, 80)}"
            reference = Reference(
                value=sum(values.values()) / len(values), source=f"{run}, journal {report.journal.head[:12]}",
                date=report.timing.started[:10], n=_answers(samples),
            )  # fmt: skip
            found[planned.id] = ReferenceRun(
                planned=planned, values=values, reference=reference, effort=report.endpoint.effort, drift=drift_over([])
            )
    return found


def _answers(samples: Mapping[str, Sampled]) -> int:
    return sum(one.scored for one in samples.values())


def _refused(name: str, why: str) -> UsageError:
    return UsageError([Problem(name="reference", value=name, allowed=why)])
