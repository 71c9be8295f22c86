"""`kvv datasets`: prepare and check the datasets of a machine without network."""

import sys
from collections.abc import Callable, Iterator, Sequence

from entrypoint.options import Parser, add_settings, given
from entrypoint.prepare import create
from entrypoint.settings import benchmark_of, composition, load
from kvv_action.benchmark import Benchmark, DatasetPin
from kvv_action.dataset.load import load as load_rows
from kvv_action.errors import DatasetError, Problem, UsageError
from kvv_action.report.text import visible
from kvv_action.schema import DatasetInfo
from kvv_action.settings import Settings, nearest

EPILOG = """actions:
  list     what each benchmark needs, and whether the cache has it
  fetch    download what is missing, at the pinned commit, and check it
  verify   check the cache, without network: rows, pictures, count, digest

examples:
  kvv datasets fetch --dataset-cache /srv/kvv-data
  kvv datasets verify --dataset-cache /srv/kvv-data --benchmarks ocrbench,mmmu_pro

Carry the folder to the other machine and run there with --dataset-cache and HF_HUB_OFFLINE=1.
Exit status: 0 everything is there and right, 1 something is not."""

USED = ("benchmarks", "dataset_cache", "allow_dataset_drift")
"""Of the engine's settings; of the benchmarks', those that choose which items are asked."""


def main(argv: Sequence[str]) -> int:
    """One action on the datasets of the chosen benchmarks."""
    parser = Parser(prog="kvv datasets", description="Fetch, verify or list the datasets.", epilog=EPILOG)
    parser.add_argument("action", choices=("fetch", "verify", "list"), metavar="fetch|verify|list")
    add_settings(parser, only=(*USED, *composition().named("data")))
    values = parser.read(argv)
    settings = load(given(values))
    chosen = list(_chosen(settings))
    action: Callable[[Benchmark, DatasetPin, Settings], str] = {"fetch": _fetch, "verify": _verify, "list": _line}[
        values.action
    ]
    failed = 0
    for benchmark, pin in chosen:
        try:
            sys.stdout.write(f"{benchmark.id:<10} {visible(action(benchmark, pin, settings), 600)}\n")
        except DatasetError as error:
            failed += 1
            sys.stdout.write(f"{benchmark.id:<10} error: {visible(str(error), 600)}\n")
    return 1 if failed else 0


def _chosen(settings: Settings) -> Iterator[tuple[Benchmark, DatasetPin]]:
    """The benchmarks that have a dataset, or those of them that were named."""
    found = {
        benchmark.id: (benchmark, benchmark.pin)
        for benchmark in create(composition().benchmarks, settings, "")
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


def _fetch(benchmark: Benchmark, pin: DatasetPin, settings: Settings) -> str:
    return "fetched: " + _told(_rows(benchmark, pin, settings, offline=False))


def _verify(benchmark: Benchmark, pin: DatasetPin, settings: Settings) -> str:
    return "verified: " + _told(_rows(benchmark, pin, settings, offline=True))


def _told(info: DatasetInfo) -> str:
    pinned = f"pinned by {info.pinned_by}" if info.pinned_by else "NOT the pinned content"
    where = f"{info.location}@{info.revision[:12]}" if info.revision else info.location
    return f"{where}, {info.count} rows, SHA-256 {info.digest}, {pinned}"


def _line(benchmark: Benchmark, pin: DatasetPin, settings: Settings) -> str:  # noqa: ARG001 - as the other actions
    from kvv_action.dataset import archive, hub

    try:
        if pin.archive:
            archive.unpacked(pin.archive, settings.dataset_cache, offline=True)
            cached = "cached"
        else:
            cached = f"cached at {hub.fetch(pin, settings.dataset_cache, offline=True).revision[:12]}"
    except DatasetError:
        cached = "not cached"
    if pin.archive:
        return f"{pin.archive}, {pin.count} rows, no digest known, {pin.licence}; {cached}"
    parts = f" ({', '.join(part.name for part in pin.parts)})" if pin.parts else ""
    digest = f"digest {pin.digest[:16]}" if pin.digest else "no digest known"
    commit = f"commit {pin.revision[:12]}" if pin.revision else "no commit confirmed, the newest is taken"
    return f"{pin.hub_id}{parts}, {commit}, {pin.count} rows, {digest}, {pin.licence}; {cached}"
