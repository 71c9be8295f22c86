"""What a process was started with."""

from pathlib import Path


def environment_of(process: int) -> dict[str, str]:
    """The environment of a running process, as it was when it began."""
    entries = Path(f"/proc/{process}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)
