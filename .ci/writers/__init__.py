"""Writes the files of the repository that follow from code: tables, inputs and schemas; bundled samples."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def samples(benchmark: str) -> Path:
    """The folder of the samples that are bundled with a benchmark."""
    return ROOT / "benchmarks" / benchmark / "samples"
