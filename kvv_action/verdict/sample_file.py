"""Keeps the samples of a benchmark outside memory, by index: a journal has its results in another order."""

import pickle
from array import array
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from kvv_action.errors import DatasetError, in_words
from kvv_action.schema import Sample

IN_MEMORY = 8 * 2**20
"""Bytes of samples that are kept in memory; more are written to a file without a name."""


class SampleFile:
    """Memory grows by eight bytes a sample.

    Raises:
        DatasetError: there is no room for temporary files.
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with us
        self._ends = array("q", [0])
        for sample in samples:
            self._ends.append(self._ends[-1] + self._written(pickle.dumps(sample)))

    def _written(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            why = f"samples cannot be kept in a temporary file ({in_words(error)})"
            raise DatasetError(f"{why}; set TMPDIR to a folder with room") from error

    def at(self, index: int) -> Sample | None:
        """The sample with an index; None where there are fewer."""
        if not 0 <= index < len(self._ends) - 1:
            return None
        self._file.seek(self._ends[index])
        found: Sample = pickle.loads(self._file.read(self._ends[index + 1] - self._ends[index]))  # noqa: S301 - our own
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
