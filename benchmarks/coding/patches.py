"""Predictions in the official format: JSON lines, or a JSON list or object, with `instance_id` and `model_patch`."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from benchmarks.coding.choices import PATCHES
from kvv_action.errors import DatasetError, in_words, refusal
from kvv_action.schema import Json


def location(agent: str) -> Path | None:
    """The file of predictions that the setting names; None when it names something else."""
    return Path(agent.removeprefix(PATCHES)) if agent.startswith(PATCHES) else None


def read(path: Path, benchmark: str) -> tuple[dict[str, str], str]:
    """The patches by instance, and the digest of the file. A patch that is null is no patch.

    Args:
        path: of the file.
        benchmark: id, for messages.

    Raises:
        DatasetError: it cannot be read, or is not of the official form.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{benchmark}: {path}: {refusal(error)}") from error
    patches: dict[str, str] = {}
    for number, row in enumerate(_rows(path, data, benchmark), 1):
        name = row.get("instance_id") if isinstance(row, Mapping) else None
        patch = row.get("model_patch") if isinstance(row, Mapping) else None
        if not isinstance(name, str) or not isinstance(patch, str | None):
            raise DatasetError(f"{benchmark}: {path}: prediction {number} has no instance_id and model_patch")
        if name in patches:
            raise DatasetError(f"{benchmark}: {path}: {name[:100]!r} has two predictions")
        patches[name] = patch or ""
    if not patches:
        raise DatasetError(f"{benchmark}: {path} holds no predictions")
    return patches, hashlib.sha256(data).hexdigest()


def _rows(path: Path, data: bytes, benchmark: str) -> Iterator[Json]:
    try:
        if path.suffix == ".json":
            whole = orjson.loads(data)
            yield from whole.values() if isinstance(whole, dict) else whole
        else:
            yield from (orjson.loads(line) for line in data.splitlines() if line.strip())
    except (orjson.JSONDecodeError, TypeError) as error:
        raise DatasetError(f"{benchmark}: {path} is not JSON in the official form ({in_words(error)})") from error
