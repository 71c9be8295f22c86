"""Loads the rows of a benchmark from the chosen source, and compares them with the pin."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path

from kvv_action.benchmark import DatasetPin, Row, Rows
from kvv_action.dataset import archive, columns, files, hub
from kvv_action.dataset.columns import StoredRows
from kvv_action.dataset.digest import canonical_digest
from kvv_action.errors import DatasetError, refusal
from kvv_action.folders import listed
from kvv_action.schema import DatasetInfo

BUNDLED = "bundled"
ARCHIVE = "archive"
SAMPLES = "samples.jsonl"
NOTHING = "nothing known"


class CheckedRows:
    """Rows that were read once: columns, pictures, count and digest are checked."""

    def __init__(self, benchmark: str, pin: DatasetPin, source: StoredRows, info: DatasetInfo) -> None:
        self._benchmark = benchmark
        self._pin = pin
        self._source = source
        self.info = info
        self.folder = source.base if source.kind == ARCHIVE else None

    def __len__(self) -> int:
        return self.info.count

    def __iter__(self) -> Iterator[Row]:
        return columns.rows(self._benchmark, self._pin, self._source, check=False)


def load(
    benchmark: str,
    package: str,
    pin: DatasetPin,
    location: str = "",
    *,
    cache: str = "",
    allow_drift: bool = False,
    offline: bool = False,
) -> Rows:
    """The rows of a benchmark.

    Args:
        benchmark: id, for messages.
        package: Python package with the bundled samples.
        pin: the published content.
        location: empty for the published dataset, `bundled`, or the path of a file or folder.
        cache: folder for downloads; empty for the library's default.
        allow_drift: accept published content that differs from the pin.
        offline: use the cache only.

    Raises:
        DatasetError: missing, malformed, or not the pinned content.
    """
    if location == BUNDLED:
        return _checked(benchmark, pin, _bundled(benchmark, package, pin))
    if location:
        return _checked(benchmark, pin, _local(Path(location), pin, cache))
    checked = _checked(benchmark, pin, _published(pin, cache, offline=offline))
    info = checked.info
    agrees = info.pinned or (info.source == ARCHIVE and info.pinned_by != "")
    if not agrees and not allow_drift:
        where = f"{info.location}@{info.revision[:12]}" if info.revision else info.location
        raise DatasetError(
            f"{benchmark}: {where} has {info.count} rows with digest "
            f"{info.digest[:16]}, expected {pin.count}{f' with {pin.digest[:16]}' if pin.digest else ''}. "
            f"{_advice(info, pin, cache)}Set allow-dataset-drift to accept it; the report will say so."
        )
    return checked


def _published(pin: DatasetPin, cache: str, *, offline: bool) -> StoredRows:
    """The rows of the archive or of the hub."""
    if pin.archive:
        return _archive(archive.unpacked(pin.archive, cache, offline=offline), pin, pin.archive)
    snapshot = hub.fetch(pin, cache, offline=offline)
    with _from_cache(pin, cache):
        read = _own(snapshot.folder, pin) or _folder(snapshot.folder, pin, pin.hub_id)

    def rows() -> Iterator[Row]:
        with _from_cache(pin, cache):
            yield from read()

    return StoredRows(
        read=rows, base=None, kind="hub", location=pin.hub_id, revision=snapshot.revision, licence=pin.licence
    )


@contextmanager
def _from_cache(pin: DatasetPin, cache: str) -> Iterator[None]:
    """Say of what cannot be read that the copy on this machine may be the reason, and how to get another."""
    try:
        yield
    except DatasetError as error:
        told = str(error).removesuffix(files.LOCAL_COPY).rstrip()
        raise DatasetError(f"{told} {_fetch_again(pin, cache)} {files.LOCAL_COPY}") from error


def _fetch_again(pin: DatasetPin, cache: str) -> str:
    return f"If the copy in the cache is damaged, remove {hub.kept_in(pin, cache)} and fetch it again."


def _advice(info: DatasetInfo, pin: DatasetPin, cache: str) -> str:
    """What lies at the pinned commit with another content was changed on this machine."""
    return f"{_fetch_again(pin, cache)} " if info.revision == pin.revision != "" else ""


def _archive(folder: Path, pin: DatasetPin, location: str) -> StoredRows:
    path = archive.find(folder, "samples")
    return StoredRows(read=lambda: files.read(path), base=folder, kind=ARCHIVE, location=location, licence=pin.licence)


def _shown(path: Path) -> str:
    """The name of a file or folder as valid text."""
    return (path.name or path.resolve().name).encode(errors="backslashreplace").decode()


def _bundled(benchmark: str, package: str, pin: DatasetPin) -> StoredRows:
    folder = Path(str(resources.files(package))) / pin.bundled
    read = _own(folder, pin) or (lambda: files.read(folder / SAMPLES))
    return StoredRows(read=read, base=folder, kind=BUNDLED, location=f"{benchmark}/{pin.bundled}")


def _local(path: Path, pin: DatasetPin, cache: str) -> StoredRows:
    """The user's file or folder, or the user's copy of the archive."""
    try:
        if not path.exists():
            raise DatasetError(f"dataset {path}: no such file or folder")
        if path.is_dir():
            listed(path)
        own = _own(path, pin)
    except OSError as error:
        raise DatasetError(f"{error.filename or path}: {refusal(error)}") from error
    if pin.archive and archive.is_archive(path):
        return _archive(archive.unpacked_copy(path, cache), pin, _shown(path))
    base = path if path.is_dir() else path.parent
    source = StoredRows(read=tuple, base=base, kind="file", location=_shown(path))
    if own:
        return replace(source, read=own)
    if path.is_dir() and (path / SAMPLES).is_file():
        return replace(source, read=lambda: files.read(path / SAMPLES))
    if path.is_dir():
        return replace(source, read=_folder(path, pin, source.location))
    if path.suffix.lower() == ".parquet":
        return replace(source, read=hub.stream_files([path], source.location))
    return replace(source, read=lambda: files.read(path))


def _own(path: Path, pin: DatasetPin) -> hub.Read | None:
    """Reads a layout that only this dataset has; None where the path has another layout."""
    return pin.layout(path) if pin.layout is not None else None


def _folder(folder: Path, pin: DatasetPin, where: str) -> hub.Read:
    """Reads a folder; for a dataset in parts, each chosen part in turn, whose rows get its name."""
    if not pin.parts or not any((folder / name).is_dir() for part in pin.parts for name in (part.config, part.name)):
        return hub.stream_folder(folder, pin.config, pin.split, where)
    parts = {
        part.name: hub.stream_folder(_part_folder(folder, part.config, part.name, where), None, pin.split, where)
        for part in pin.parts
    }
    return lambda: ({**row, "part": name} for name, read in parts.items() for row in read())


def _part_folder(folder: Path, config: str, name: str, where: str) -> Path:
    found = next((folder / word for word in (config, name) if (folder / word).is_dir()), None)
    if found is None:
        raise DatasetError(f"{where}: has no folder {config!r} for the part {name}; leave the part out or add it")
    return found


def _checked(benchmark: str, pin: DatasetPin, source: StoredRows) -> CheckedRows:
    """Read every row once, and check columns, pictures, count and digest."""
    tidy, stored = pin.tidy, source.read
    if tidy is not None:
        source = replace(source, read=lambda: map(tidy, stored()))
    try:
        read = columns.rows(benchmark, pin, source, check=True)
        count, digest = _counted(read, pin)
    except TypeError as error:
        raise DatasetError(f"{benchmark}: {source.location}: {error}") from error
    if not count:
        raise DatasetError(f"{benchmark}: {source.location} holds no rows; needed are {', '.join(pin.columns)} in each")
    pinned_by = _compared(pin, source)
    agrees = pinned_by != NOTHING and count == pin.count and digest == (pin.digest or digest)
    if pin.revision and source.kind == "hub":
        agrees = agrees and source.revision == pin.revision
    pinned = agrees and (source.kind != ARCHIVE or bool(pin.digest))
    told = pinned_by if agrees or pinned_by == NOTHING else ""
    info = DatasetInfo(
        source=source.kind, location=source.location, revision=source.revision, count=count, digest=digest,
        licence=source.licence or (pin.licence if pinned else ""), pinned=pinned, pinned_by=told,
    )  # fmt: skip
    return CheckedRows(benchmark, pin, source, info)


def _counted(read: Iterable[Row], pin: DatasetPin) -> tuple[int, str]:
    """How many samples the rows give, and their digest."""
    if pin.size is None:
        return canonical_digest(read, pin.columns, pin.optional)
    sizes = list[int]()
    _, digest = canonical_digest(_measured(read, pin.size, sizes), pin.columns, pin.optional)
    return sum(sizes), digest


def _measured(rows: Iterable[Row], size: Callable[[Row], int], sizes: list[int]) -> Iterator[Row]:
    """The rows as they are; how many samples each gives goes to `sizes`."""
    for row in rows:
        sizes.append(size(row))
        yield row


def _compared(pin: DatasetPin, source: StoredRows) -> str:
    """By which facts the content is compared: its digest, else the hub's revision and the count, else the count.

    A local file has no revision, so without a digest it cannot be compared.
    """
    if pin.digest:
        return "digest"
    if source.kind == ARCHIVE:
        return "count"
    if source.kind != "hub":
        return NOTHING
    return "revision and count" if pin.revision else "count"
