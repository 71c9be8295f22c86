"""What is in folders of the user's; `Path.glob` takes a folder that cannot be read for an empty one.

Each function raises OSError when a folder cannot be read.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn


def listed(folder: Path) -> list[Path]:
    """What is in a folder, sorted."""
    return sorted(folder.iterdir())


def holding(folder: Path, name: str, depth: int = 1) -> Iterator[Path]:
    """Files of this name in the folders at most `depth` below one, hidden ones left out."""
    for one in listed(folder):
        if one.name.startswith(".") or not one.is_dir():
            continue
        if (one / name).is_file():
            yield one / name
        if depth > 1:
            yield from holding(one, name, depth - 1)


def files_below(root: Path) -> list[Path]:
    """Every file below a folder, sorted, and every link, which is not followed; none where there is no such folder."""
    if not root.is_dir():
        return []
    found = list[Path]()
    for parent, folders, names in os.walk(root, onerror=_raise):
        found += [Path(parent, name) for name in names]
        found += [Path(parent, name) for name in folders if Path(parent, name).is_symlink()]
    return sorted(found)


def _raise(error: OSError) -> NoReturn:
    raise error
