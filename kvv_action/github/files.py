"""Writes the runner's files for step outputs and the step summary."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

SUMMARY_LIMIT = 1024 * 1024
"""Bytes; the runner drops a larger step summary as a whole."""
SUMMARY_MARGIN = 4096
"""Bytes to keep free for additions of the runner."""


def _token() -> str:
    return "kvv_" + secrets.token_hex(16)


def output_entry(name: str, value: str, token: Callable[[], str] = _token) -> str:
    """One output as `name<<delimiter`; the value cannot contain the delimiter.

    Raises:
        ValueError: the runner would misread the name.
    """
    if not name or any(mark in name for mark in ("=", "<<", "\n", "\r")):
        raise ValueError(f"{name!r} cannot be the name of an output")
    delimiter = token()
    while delimiter in value:
        delimiter = token()
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def write_outputs(path: Path, outputs: Mapping[str, str]) -> None:
    """Append outputs to the file of GITHUB_OUTPUT."""
    _append(path, "".join(output_entry(name, value) for name, value in outputs.items()))


def summary_room(path: Path) -> int:
    """Bytes that still fit into the file of GITHUB_STEP_SUMMARY."""
    taken = path.stat().st_size if path.exists() else 0
    return max(0, SUMMARY_LIMIT - SUMMARY_MARGIN - taken)


def append_summary(path: Path, text: str) -> bool:
    """Append text to the step summary on a new line.

    Returns:
        Whether it fitted and was written.
    """
    text = f"\n{text.rstrip()}\n"
    if len(text.encode(errors="replace")) > summary_room(path):
        return False
    _append(path, text)
    return True


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="replace", newline="") as stream:
        stream.write(text)
