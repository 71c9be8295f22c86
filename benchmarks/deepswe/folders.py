"""Reads tasks from folders in the layout of Harbor and Pier; a task is a row, nothing outside of it is read.

A row holds the files of a task by name: `files` those that are text, `binary` others in base64.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError, refusal
from kvv_action.folders import holding

TASK = "task.toml"
PARTS = (TASK, "instruction.md", "environment", "tests", "solution")
"""What is read of a task's folder."""
LARGEST, MOST = 8 * 2**20, 200
"""Bytes of one file, and files of one task; the largest real file has 2.4 MB, and real tasks have ten files."""


def rows(folder: Path) -> Callable[[], Iterator[Row]] | None:
    """Reads what lies in a folder: a task, tasks, or a checkout with `tasks/`; None where none of these does."""
    for found in ([folder] if (folder / TASK).is_file() else [], _inside(folder), _inside(folder / "tasks")):
        if found:
            return partial(_rows, found, _homes(folder))
    return None


def _inside(folder: Path) -> Sequence[Path]:
    return [path.parent for path in holding(folder, TASK)] if folder.is_dir() else []


def _homes(folder: Path) -> tuple[Path, ...]:
    """Folders in which a task's files may lie: its own tree; of the hub's cache, also where that keeps the contents."""
    root = folder.resolve()
    return (root, root.parents[1] / "blobs") if root.parent.name == "snapshots" else (root,)


def _rows(tasks: Sequence[Path], homes: tuple[Path, ...]) -> Iterator[Row]:
    for task in tasks:
        files, binary = dict[str, str](), dict[str, str]()
        for path in _files(task):
            name = path.relative_to(task).as_posix()
            if len(files) + len(binary) >= MOST:
                raise DatasetError(f"{task.name[:100]}: has more than {MOST} files")
            data = _read(path, f"{task.name[:100]}: {name[:200]}", homes)
            try:
                files[name] = data.decode()
            except UnicodeDecodeError:
                binary[name] = base64.b64encode(data).decode()
        yield {"task": task.name, "files": files, **({"binary": binary} if binary else {})}


def _files(task: Path) -> Iterator[Path]:
    """Every file of a task; linked folders are not entered."""
    waiting = [task / part for part in reversed(PARTS)]
    while waiting:
        path = waiting.pop()
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink():
            waiting += sorted(path.iterdir(), reverse=True)


def _read(path: Path, where: str, homes: tuple[Path, ...]) -> bytes:
    try:
        real = path.resolve()
        if not any(real.is_relative_to(home) for home in homes):
            raise DatasetError(f"{where}: is a link that leads out of the dataset's folder")
        if real.stat().st_size > LARGEST:
            raise DatasetError(f"{where}: is larger than {LARGEST} bytes")
        return real.read_bytes()
    except OSError as error:
        raise DatasetError(f"{where}: cannot be read ({refusal(error)})") from error
