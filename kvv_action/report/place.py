"""Says what to do about a folder without the file that is wanted: its run goes on, or another folder is to be named."""

from pathlib import Path

from kvv_action.report.files import JOURNAL, REPORT
from kvv_action.report.text import visible

SHOWN = 8
"""Folders that are named."""


def no_run(folder: Path, wanted: str, said: str = "") -> str:
    """That the file `wanted` is not in a folder, as `said`: its run was not finished, or lower folders hold runs."""
    if wanted == REPORT and (folder / JOURNAL).is_file():
        return (
            f"{folder}: holds a run that was not finished: {JOURNAL} is there, {REPORT} is not; the `kvv run` that "
            "began it goes on when it is given again"
        )
    below = sorted({file.parent for name in (JOURNAL, REPORT) for file in folder.glob(f"*/{name}")})
    if not (said or folder.exists()):
        return f"{folder}: no such file or folder, so no {wanted} there; name the folder that kvv wrote"
    if not below:
        return said or f"{folder}: no {wanted} there; name the folder that kvv wrote"
    named = ", ".join(visible(str(path), 200) for path in below[:SHOWN]) + (", …" if len(below) > SHOWN else "")
    runs = "1 run" if len(below) == 1 else f"{len(below)} runs"
    return f"{folder}: holds {runs}, each in a folder of its own; name one: {named}"
