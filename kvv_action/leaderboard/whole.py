"""What a whole run is, and what marks a record whose run was less: the same for who submits and for who checks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields

from kvv_action.benchmark import Options
from kvv_action.errors import KvvError
from kvv_action.leaderboard.judged import undecided
from kvv_action.leaderboard.record import BenchmarkRecord, Mark, Setup
from kvv_action.plan.variants import BOTH, SUFFIX, VARY
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.report.text import one_line
from kvv_action.schema import BenchmarkKind, Json, Verdict

DECIDING = frozenset({"mmmu-parts", "swebench-dataset", "swebench-agent", "swebench-instances", "swebench-exclude"})
"""Settings of single benchmarks that choose which items are asked, or who answers."""
LEFT_OUT_BY_ITSELF = 0.1
"""Share of a dataset's rows that a benchmark may leave out itself, such as tasks whose own solution fails."""
_LONGEST = 200


def profile_of(name: str) -> Profile | None:
    """The built-in profile of this name; names with a path in them are never opened."""
    if not name or any(mark in name for mark in ("/", "\\", "..")) or name.endswith(".toml"):
        return None
    try:
        return loader.load(name)
    except (KvvError, OSError):
        return None


def choices_of(choices: Mapping[str, Json]) -> dict[str, str]:
    """Those of a plan's choices that are not the default, as text; what is no choice of a benchmark is left out."""
    found = {}
    usual = Options()
    names = {field.name for field in fields(Options)}
    for name, value in sorted(choices.items()):
        field = name.replace("-", "_")
        given = tuple(value) if isinstance(value, list) else value
        if field not in names or given == getattr(usual, field):
            continue
        text = ", ".join(map(str, given)) if isinstance(given, tuple) else str(given)
        found[name] = one_line(text.partition("=")[0] if name == "swebench-agent" else text, _LONGEST)
    return found


def implied(setup: Setup | None, benchmarks: Iterable[BenchmarkRecord], verdict: Verdict | None) -> frozenset[Mark]:
    """The marks that follow from what a record says, whatever the profile."""
    every = tuple(benchmarks)
    data = [one.dataset for one in every if one.dataset]
    found = {
        Mark.INCONCLUSIVE: verdict is Verdict.INCONCLUSIVE or any(map(undecided, every)),
        Mark.SKIPPED: any(one.verdict is Verdict.SKIPPED and not _beside(one, setup) for one in every),
        Mark.BUNDLED: any(one.source == "bundled" for one in data),
        Mark.DRIFT: any(not (one.pinned or one.pinned_by) for one in data if one.source not in ("bundled", "code")),
        Mark.SUBSET: any(_fewer(one) for one in every if not _beside(one, setup)),
    }
    if setup is not None:
        found[Mark.SUBSET] |= setup.limit is not None or setup.tier != "full"
        found[Mark.LEFT_OUT] = setup.precheck == "off"
        found[Mark.ADVISORY] = setup.precheck == "warn" and any(
            one.kind is BenchmarkKind.CONTRACT and one.verdict is not Verdict.PASS for one in every
        )
        found[Mark.VARIED] = setup.holdout == VARY
        found[Mark.CHOSEN] = bool(DECIDING & setup.choices.keys())
    return frozenset(mark for mark, applies in found.items() if applies)


def less_than(
    profile: Profile, setup: Setup, benchmarks: Iterable[BenchmarkRecord], askable: Collection[str]
) -> frozenset[Mark]:
    """The marks of a run that asks less than its profile's full tier.

    Args:
        profile: what is to be asked.
        setup: how it was.
        benchmarks: what was.
        askable: the benchmarks that there are; a profile may hold facts of others.
    """
    mine = {one.id: one for one in benchmarks if not _beside(one, setup)}
    found = set[Mark]()
    if (profile.benchmarks.keys() & set(askable)) - mine.keys():
        found.add(Mark.LEFT_OUT)
    for name, rules in profile.benchmarks.items():
        one, full = mine.get(name), rules.tiers.get("full")
        if one is None or one.kind is BenchmarkKind.CONTRACT or _source(one) == "bundled":
            continue
        epochs = (full and full.epochs) or rules.epochs
        limit = full.limit if full else None
        if (one.epochs or 0) < epochs or (limit is not None and (one.samples or 0) < min(limit, _rows(one))):
            found.add(Mark.SUBSET)
    return frozenset(found)


def _beside(one: BenchmarkRecord, setup: Setup | None) -> bool:
    """Whether a benchmark is the varied twin of one with the published items."""
    return setup is not None and setup.holdout == BOTH and one.id.endswith(SUFFIX)


def _fewer(one: BenchmarkRecord) -> bool:
    """Whether clearly fewer samples were asked than the dataset has rows."""
    if one.kind is BenchmarkKind.CONTRACT or one.samples is None or one.verdict is Verdict.SKIPPED:
        return False  # a skipped one has a mark of its own
    return one.samples < (1 - LEFT_OUT_BY_ITSELF) * _rows(one)


def _source(one: BenchmarkRecord) -> str:
    return one.dataset.source if one.dataset else ""


def _rows(one: BenchmarkRecord) -> int:
    return one.dataset.count if one.dataset else 0
