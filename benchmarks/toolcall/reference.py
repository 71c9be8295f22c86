"""The reference: whether it called a tool for a request, which is found by the request's content."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.toolcall import k2vv
from kvv_action.dataset import files
from kvv_action.errors import DatasetError, Problem, UsageError
from kvv_action.journal.reading import JournalReading
from kvv_action.schema import Score

NONE, OFFICIAL, BUNDLED, LIVE = "none", "official", "bundled", "live"

Label = bool | None
"""Whether a tool was called; None for a request that failed, which counts as not called, as in K2VV."""
Run = Mapping[str, Sequence[Label]]
"""One run of a reference: by content key, the label of each request of this content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceAnswers:
    """One or more runs of a reference.

    Attributes:
        name: what it is, with its digest; part of the plan.
        runs: empty when there is none, or when it is asked live.
    """

    name: str = ""
    runs: tuple[Run, ...] = ()

    def calls(self, key: str, occurrence: int) -> tuple[Label, ...]:
        """Whether each run called a tool at the nth request of this content; a run that lacks it says nothing."""
        found = (run.get(key, ()) for run in self.runs)
        return tuple(answers[occurrence] for answers in found if occurrence < len(answers))


def load(given: Sequence[str], official: Callable[[], Path]) -> ReferenceAnswers:
    """A reference from what the setting `reference` names.

    Args:
        given: `official`, files, or folders of runs; a folder of a run may itself be called `official`.
        official: finds the file of the official results; raises DatasetError when it cannot be had.

    Raises:
        UsageError: a file is not there or is no reference.
        DatasetError: the official archive cannot be had.
    """
    if OFFICIAL in given and not (Path(OFFICIAL) / "journal.jsonl").is_file():
        return published(official())
    loaded: list[Run] = []
    digests: dict[str, str] = {}
    for name in given:
        path = Path(name)
        if not path.is_file() and not (path / "journal.jsonl").is_file():
            raise _refused(name, f"There is no such file. Use {OFFICIAL}, {NONE}, a result file of K2VV or a journal.")
        path = path if path.is_file() else path / "journal.jsonl"
        try:
            loaded += _journal(path) if _is_journal(path) else [_result_file(path)]
        except DatasetError as error:
            raise _refused(name, str(error)) from error
        digests[path.name] = _digest(path)
    return _merged(loaded, digests)


def published(path: Path) -> ReferenceAnswers:
    """The official results, from their file."""
    return _merged([_result_file(path)], {OFFICIAL: _digest(path)})


def bundled(path: Path, keys: Iterable[str]) -> ReferenceAnswers:
    """Our own reference for our own requests, line by line."""
    run: dict[str, list[Label]] = {}
    for key, row in zip(keys, files.read(path), strict=True):
        run.setdefault(key, []).append(k2vv.called(row))
    return ReferenceAnswers(name=f"{BUNDLED} sha256:{_digest(path)}", runs=(run,))


def _merged(runs: Sequence[Run], digests: Mapping[str, str]) -> ReferenceAnswers:
    return ReferenceAnswers(
        name="; ".join(f"{name} sha256:{digest}" for name, digest in digests.items()),
        runs=tuple(runs),
    )


def _refused(name: str, why: str) -> UsageError:
    return UsageError([Problem(name="reference", value=name, allowed=why)])


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:32]


def _run(labels: Iterable[tuple[int, str, Label]]) -> Run:
    """One run, of which each answer has the number of its request, its content key and its label; in any order."""
    run: dict[str, list[Label]] = {}
    for _, key, called in sorted(labels, key=lambda label: label[0]):
        run.setdefault(key, []).append(called)
    return run


def _result_file(path: Path) -> Run:
    labels = []
    for row in k2vv.rows(path):
        request = k2vv.request_of(row, f"{path.name}, data_index {row['data_index']}")
        labels.append((row["data_index"], k2vv.content_key(request), k2vv.called(row)))
    return _run(labels)


def _is_journal(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(9) == b'{"prev":"'


def _journal(path: Path) -> Iterator[Run]:
    """A journal of ours; each epoch is a run. The ids of its samples hold the content keys."""
    epochs: dict[int, list[tuple[int, str, Label]]] = {}
    for judged in JournalReading(path).judged("toolcall"):
        if judged.stands:
            number, _, key = judged.place.sample.partition("-")
            called = isinstance(judged.result, Score) and judged.result.counts["count_finish_reason_tool_calls"] > 0
            label = called if isinstance(judged.result, Score) else None
            epochs.setdefault(judged.place.epoch, []).append((int(number), key, label))
    if not epochs:
        raise DatasetError(f"{path}: the journal holds no answers of toolcall")
    for _, labels in sorted(epochs.items()):
        yield _run(labels)
