"""What this version of kvv knows, and a record must agree with: profiles with their references, and data pins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kvv_action import __version__
from kvv_action.benchmark import DatasetPin
from kvv_action.errors import KvvError
from kvv_action.leaderboard.findings import Finding, error, note, warning
from kvv_action.leaderboard.record import BenchmarkRecord, Record, Setup
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile

EQUAL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Data pins by benchmark, and this version."""

    pins: Mapping[str, DatasetPin] = field(default_factory=dict)
    version: str = __version__


def disagreements(record: Record, known: Known) -> Iterator[Finding]:
    """Where a record says something else about profile, references, margins or data than this version.

    A record of the same version must agree; with another version there may be good reasons, which a maintainer sees.
    """
    if record.setup is None or record.versions is None:
        return
    same = record.versions.kvv == known.version
    judge = error if same else warning
    if not same:
        yield note("version", f"made by kvv {record.versions.kvv}, checked by {known.version}")
    profile = _profile(record.setup)
    if profile is None or record.model.id != record.setup.profile:
        yield error(
            "profile", f"{record.setup.profile} is no profile of kvv, or not the one of model {record.model.id}"
        )
        return
    if record.setup.profile_digest != profile.digest:
        yield judge("profile", f"is judged by another profile {profile.name} than kvv's")
    for one in record.benchmarks:
        for message in (*_rules(one, profile), *_data(one, known)):
            yield judge("profile", f"{one.id}: {message}")


def _profile(setup: Setup) -> Profile | None:
    """The built-in profile; names with a path in them are never opened."""
    if not setup.profile or any(mark in setup.profile for mark in ("/", "\\", "..")) or setup.profile.endswith(".toml"):
        return None
    try:
        return loader.load(setup.profile)
    except (KvvError, OSError):
        return None


def _rules(one: BenchmarkRecord, profile: Profile) -> Iterator[str]:
    rules = profile.benchmarks.get(one.id)
    if rules is None:
        yield f"the profile {profile.name} has no such benchmark"
        return
    published = rules.reference.value if rules.reference else None
    if one.dataset is None or one.dataset.source in ("bundled", "code"):
        return
    if one.reference is not None and published is not None and abs(one.reference - published) > EQUAL:
        yield f"compares with {one.reference:g}; the profile's reference is {published:g}"
    if one.margin is not None and rules.margin is not None and one.margin > rules.margin + EQUAL:
        yield f"allows a margin of {one.margin:g}; the profile's is {rules.margin:g}"


def _data(one: BenchmarkRecord, known: Known) -> Iterator[str]:
    pin, data = known.pins.get(one.id), one.dataset
    if pin is None or data is None or not data.pinned or data.source == "bundled":
        return
    if pin.digest and data.digest != pin.digest:
        yield "says that its data are the pinned ones, but their digest is another"
    if data.count != pin.count:
        yield f"says that its data are the pinned ones, but has {data.count} rows instead of {pin.count}"
