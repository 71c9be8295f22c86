"""Fetches, verifies or lists the datasets of the benchmarks."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from entrypoint.prepare import create, known_pin
from entrypoint.settings import benchmark_of, composition
from kvv_action import whole_files
from kvv_action.benchmark import Benchmark, DatasetPin
from kvv_action.dataset import archive, hub, pins
from kvv_action.dataset.load import load as load_rows
from kvv_action.digits import counted, figure
from kvv_action.errors import DatasetError, Problem, UsageError, nearest, refusal
from kvv_action.schema import DatasetInfo
from kvv_action.settings import Settings


class DatasetAction(StrEnum):
    """What to do with a dataset."""

    FETCH = "fetch"
    VERIFY = "verify"
    LIST = "list"
    PIN = "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetStatus:
    """What came of one dataset; `right` is False where it is missing or not the pinned one."""

    benchmark: str
    text: str
    right: bool = True


def datasets(settings: Settings, action: DatasetAction) -> Iterator[DatasetStatus]:
    """The datasets of the chosen benchmarks, one after the other: a download may take long.

    Raises:
        UsageError: a benchmark that was named has no dataset, or there is no place for the file of pins.
        DatasetError: the file of pins cannot be read.
    """
    if action is DatasetAction.PIN:
        _check_place(settings.dataset_pins)
    for benchmark, pin in list(_chosen(settings, action)):
        try:
            yield DatasetStatus(benchmark=benchmark.id, text=_done(benchmark, pin, settings, action))
        except DatasetError as error:
            yield DatasetStatus(benchmark=benchmark.id, text=f"error: {error}", right=False)


def _check_place(file: str) -> None:
    """Refuse a file that pins cannot be added to before anything is downloaded."""
    folder = Path(file).parent
    if not file or not folder.is_dir():
        told = f"There is no folder {folder}." if file else "Name the file that pins are written into."
        raise UsageError([Problem(name="dataset-pins", value=file, allowed=told)])
    pins.with_added(Path(file), ())


def _done(benchmark: Benchmark, pin: DatasetPin, settings: Settings, action: DatasetAction) -> str:
    match action:
        case DatasetAction.FETCH:
            return "fetched: " + _told(_rows(benchmark, pin, settings, offline=False)) + _size(pin, settings)
        case DatasetAction.VERIFY:
            return "verified: " + _told(_rows(benchmark, pin, settings, offline=True))
        case DatasetAction.PIN:
            return _pinned(benchmark, pin, settings)
        case DatasetAction.LIST:
            return _needed(pin, settings)


def _chosen(settings: Settings, action: DatasetAction) -> Iterator[tuple[Benchmark, DatasetPin]]:
    """The benchmarks that have a dataset, or those of them that were named."""
    known = settings.model_copy(update={"dataset_pins": ""}) if action is DatasetAction.PIN else settings
    found = {
        benchmark.id: (benchmark, known_pin(benchmark.pin, known))
        for benchmark in create(composition().benchmarks, known, "")
        if benchmark.pin is not None
    }
    problems = [
        Problem(name="benchmarks", value=name, allowed=f"Use any of: {', '.join(found)}.", nearest=nearest(name, found))
        for name in settings.benchmarks
        if name not in found
    ]
    if problems:
        raise UsageError(problems)
    for name in settings.benchmarks or found:
        yield found[name]


def _rows(benchmark: Benchmark, pin: DatasetPin, settings: Settings, *, offline: bool) -> DatasetInfo:
    rows = load_rows(
        benchmark.id, benchmark_of(benchmark.id).package, pin, cache=settings.dataset_cache,
        allow_drift=settings.allow_dataset_drift, offline=offline,
    )  # fmt: skip
    return rows.info


def _pinned(benchmark: Benchmark, pin: DatasetPin, settings: Settings) -> str:
    """Write commit and digest of a dataset into the file of pins, which may hold others."""
    if pin.archive:
        return "left out: an archive has no commit; name a copy of it with dataset"
    info = _rows(benchmark, pin, settings, offline=False)
    found = pins.KnownDataset(
        dataset=pin.hub_id, split=pin.split, parts=pins.parts_of(pin), revision=info.revision, rows=info.count,
        digest=info.digest, download=hub.fetch(pin, settings.dataset_cache, offline=True).size,
    )  # fmt: skip
    path = Path(settings.dataset_pins)
    try:
        whole_files.write(path, pins.with_added(path, [found]))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be written ({refusal(error)})") from error
    return f"pinned: {pin.hub_id}@{info.revision}, {counted(info.count, 'row')}, SHA-256 {info.digest}"


def _size(pin: DatasetPin, settings: Settings) -> str:
    """What a download from the hub takes on disk; empty for an archive, of which only parts are kept."""
    if pin.archive:
        return ""
    return f", {figure(hub.fetch(pin, settings.dataset_cache, offline=True).size / 1e6, 3)} MB"


def _told(info: DatasetInfo) -> str:
    pinned = {"": "NOT the pinned content", "count": "not pinned: only the number of rows was compared"}.get(
        info.pinned_by, f"pinned by {info.pinned_by}"
    )
    where = f"{info.location}@{info.revision[:12]}" if info.revision else info.location
    return f"{where}, {counted(info.count, 'row')}, SHA-256 {info.digest}, {pinned}"


def _needed(pin: DatasetPin, settings: Settings) -> str:
    """What a benchmark needs, and whether the cache has it."""
    try:
        if pin.archive:
            archive.unpacked(pin.archive, settings.dataset_cache, offline=True)
            cached = "cached"
        else:
            cached = f"cached at {hub.fetch(pin, settings.dataset_cache, offline=True).revision[:12]}"
    except DatasetError:
        cached = "not cached"
    parts = f" ({', '.join(part.name for part in pin.parts)})" if pin.parts else ""
    what = f"{pin.archive or pin.hub_id}{parts}, {counted(pin.count, 'row')}, {_compared_by(pin)}"
    return f"{what}; licence: {pin.licence}; {cached}"


def _compared_by(pin: DatasetPin) -> str:
    """What the content is compared with."""
    if not pin.pinned:
        return "not pinned (the newest is taken, only the number of rows is compared)"
    commit = f"commit {pin.revision[:12]}" if pin.revision else "no commit confirmed, the newest is taken"
    return f"{commit}, {f'digest {pin.digest[:16]}' if pin.digest else 'no digest known'}"
