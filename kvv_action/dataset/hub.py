"""Downloads datasets of the hub, and streams rows from their files.

The files of a repository are downloaded once, at an exact commit, into a cache that can be copied to a machine without
network. Rows are streamed from these files, so nothing is converted or stored twice. Pictures are never decoded.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kvv_action.benchmark import DatasetPin, Row
from kvv_action.dataset.files import BRING, LOCAL_COPY
from kvv_action.dataset.reach import unreachable
from kvv_action.errors import DISK_FULL, DatasetError, DatasetNotHere, Problem, UsageError, in_words, refusal
from kvv_action.folders import listed

PARQUET = "*.parquet"
BATCH = 16
"""Rows in memory at a time."""
BUFFER = 2**20
UNREACHED = ("LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectTimeout", "ConnectionError")
"""Exceptions of the libraries that say that nothing is cached and the hub does not answer."""
INCOMPLETE = "IncompleteSnapshotError"
REASONS = {
    INCOMPLETE: "only a part of it is in the cache, because a download was not finished",
    "LocalEntryNotFoundError": "it is not in the cache, and nothing is fetched now",
    "OfflineModeIsEnabled": "the hub is switched off",
    "DataFilesNotFoundError": "no file of a kind that can be read: parquet, JSON lines, JSON, CSV or pictures",
    "EmptyDatasetError": "no file of a kind that can be read: parquet, JSON lines, JSON, CSV or pictures",
    "RepositoryNotFoundError": "the hub has no such dataset, or shows it only to those who have access",
    "GatedRepoError": "the hub shows it only to those who accept its conditions: accept them and set HF_TOKEN",
    "RevisionNotFoundError": "the hub has no such commit of it",
}
"""What exceptions of the libraries mean, where their own words are about Python."""
Read = Callable[[], Iterator[Row]]
"""Reads the rows from the beginning, each time again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The files of a hub repository on disk, and their commit."""

    folder: Path
    revision: str

    @property
    def size(self) -> int:
        """Bytes of its files; the cache has links to them."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def fetch(pin: DatasetPin, cache: str, *, offline: bool = False) -> Snapshot:
    """The files of the pinned commit, downloaded unless they are in the cache.

    Args:
        pin: names the repository, commit and files.
        cache: folder for downloads; empty for the library's default.
        offline: use the cache only, like `HF_HUB_OFFLINE`.

    Raises:
        DatasetError: neither reachable nor cached, no disk space, or no such dataset.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from huggingface_hub import constants, snapshot_download

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # our own message reports its failure
    offline = offline or constants.HF_HUB_OFFLINE or _datasets_offline()
    reason = "" if offline else unreachable(constants.ENDPOINT)
    usable_cache(cache)
    asked = not (offline or reason)
    place = cache or constants.HF_HUB_CACHE
    with _explained(pin.hub_id, "cannot be loaded", reason, asked=asked, place=place), _quiet():
        folder = snapshot_download(
            pin.hub_id,
            repo_type="dataset",
            revision=pin.revision or None,
            allow_patterns=list(pin.files) or None,
            cache_dir=cache or None,
            local_files_only=not asked,
        )
    return Snapshot(folder=Path(folder), revision=Path(folder).name)


def kept_in(pin: DatasetPin, cache: str) -> Path:
    """The folder of a dataset in the cache."""
    from huggingface_hub import constants

    return Path(cache or constants.HF_HUB_CACHE, f"datasets--{pin.hub_id.replace('/', '--')}")


def _datasets_offline() -> bool:
    """Whether the variable of the `datasets` library says so; importing that library takes half a second."""
    return os.environ.get("HF_DATASETS_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def stream_folder(folder: Path, config: str | None, split: str, where: str) -> Read:
    """Reads a folder: parquet files in the folder of the configuration, or any layout that `datasets` supports.

    Raises:
        DatasetError: the folder has no data, or not this configuration or split.
    """
    inner = folder / config if config else folder
    for place in (inner, inner / "data"):
        files = sorted(place.glob(f"{split}-*.parquet")) or sorted(place.glob(PARQUET))
        if files:
            return stream_files(files, where)
    with _explained(where, "cannot be read"):
        return _open(folder, config, split, where)


def stream_files(files: Sequence[Path], where: str) -> Read:
    """Reads parquet files, one after the other."""
    return partial(_streamed, partial(_parquet, files), where)


def _streamed(read: Callable[[], Iterable[Row]], where: str) -> Iterator[Row]:
    with _explained(where, "cannot be read"):
        yield from read()


def _parquet(files: Sequence[Path]) -> Iterator[Row]:
    """Rows of parquet files, a few in memory at a time.

    It uses pyarrow directly, because `datasets` keeps several row groups in memory: 669 MiB for 494 MiB of pictures,
    where this takes 210 (`tests/perf/test_datasets.py`).
    """
    from pyarrow.parquet import ParquetFile

    for file in files:
        with ParquetFile(file, buffer_size=BUFFER, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=BATCH, use_threads=False):
                yield from batch.to_pylist()


def _open(folder: Path, config: str | None, split: str, where: str) -> Read:
    """Any other layout that `datasets` supports: JSON, CSV, a folder of pictures, a card that names the files."""
    import datasets

    datasets.disable_progress_bars()
    logging.getLogger("datasets").setLevel(logging.CRITICAL)  # our own message reports what cannot be read
    found = datasets.load_dataset(str(folder), config, streaming=True)
    dataset = _split(found, split, where)
    pictures = [name for name, kind in (dataset.features or {}).items() if isinstance(kind, datasets.Image)]
    for name in pictures:
        dataset = dataset.cast_column(name, datasets.Image(decode=False))
    return partial(_streamed, lambda: dataset, where)


def _split(found: Mapping[str, Any], split: str, where: str) -> Any:
    """The split of this name, or the only split."""
    if split in found:
        return found[split]
    if len(found) == 1:
        return next(iter(found.values()))
    raise DatasetError(f"{where}: has no split {split!r}, only {', '.join(map(str, found))}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's warnings: what they warn of, such as a disk with little room, fails with a message."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextmanager
def _explained(where: str, what: str, reason: str = "", *, asked: bool = False, place: str = "") -> Iterator[None]:
    """Turn any exception of the libraries into a `DatasetError` with advice.

    Args:
        where: the dataset.
        what: what cannot be done.
        reason: replaces their own reason.
        asked: the hub was asked; where nothing came, the library says only that nothing is in the cache.
        place: the folder that is written into.
    """
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:
        name = type(error).__name__
        kind = DatasetNotHere if name in UNREACHED else DatasetError
        below = error.__cause__ if asked and name == "LocalEntryNotFoundError" else None
        said = reason or (in_words(below) if below else REASONS.get(name)) or in_words(error)
        raise kind(f"{where}: {what} ({said}). {_advice(error, place)}") from error


def _advice(error: BaseException, place: str) -> str:
    """Advice for the user; a full disk may be the cause of another exception."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, OSError) and below.errno in DISK_FULL:
            named = f" of {place}" if place else ""
            return (
                f"The disk{named} is full, or holds no file so large: make room there, or name a folder on a larger "
                "disk with dataset-cache, and run the same command again. Nothing half fetched is used."
            )
        below = below.__cause__ or below.__context__
    return BRING if type(error).__name__ in (*UNREACHED, INCOMPLETE) else LOCAL_COPY


def usable_cache(cache: str) -> None:
    """Refuse what cannot be the folder of downloads; the libraries' own words for it are no help.

    Raises:
        UsageError: it is a file, or a folder that cannot be read.
    """
    try:
        if cache and os.path.lexists(cache):
            listed(Path(cache))
    except NotADirectoryError:
        told = "It is a file; name a folder, which may be new."
        raise UsageError([Problem(name="dataset-cache", value=cache, allowed=told)]) from None
    except OSError as error:
        told = f"The folder cannot be read: {refusal(error)}."
        raise UsageError([Problem(name="dataset-cache", value=cache, allowed=told)]) from None
