"""Samples that are kept beside memory come back as they were, in any order."""

from pathlib import Path
from typing import Any

import pytest

from kvv_action.errors import DatasetError
from kvv_action.schema import Sample
from kvv_action.verdict import sample_file
from kvv_action.verdict.sample_file import SampleFile


@pytest.mark.parametrize("in_memory", [sample_file.IN_MEMORY, 1])
def test_samples_come_back(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    """Whether they fit into memory or not; there are no others."""
    monkeypatch.setattr(sample_file, "IN_MEMORY", in_memory)
    given: list[Any] = [{"a": [1, None]}, "\ud83d text", b"picture", ["x"] * 100]
    samples = [Sample(id=f"s{at}", input=one, unanswered={"n": at}) for at, one in enumerate(given)]
    with SampleFile(iter(samples)) as kept:
        assert [kept.at(index) for index in (3, 0, 2, 1)] == [samples[3], samples[0], samples[2], samples[1]]
        assert (kept.at(4), kept.at(-1)) == (None, None)


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Like a full one; the message says what helps."""
    monkeypatch.setattr(sample_file, "IN_MEMORY", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(DatasetError, match=r"\(No such file or directory\); set TMPDIR to a folder with room"):
        SampleFile([Sample(id="1", input="x" * 100)])
