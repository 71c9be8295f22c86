"""Merges folders of shards into a folder like that of one run."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copyfileobj

from benchmarks import registry
from entrypoint.baseline import find
from entrypoint.compose import exit_code
from entrypoint.outputs import move_aside, write_reports
from entrypoint.usecases.finish import FinishedRun, finished
from kvv_action.bundle.form import extras
from kvv_action.errors import JournalError, KvvError, Problem, UsageError, refusal
from kvv_action.folders import holding
from kvv_action.journal.merge import ShardJournal, continues, examine, merged
from kvv_action.journal.reading import read_plan
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.schema import RunReport
from kvv_action.settings import Settings, out_directory
from kvv_action.verdict.report import build
from kvv_action.whole_files import replaced

DEPTH = 3
"""How far below a folder the shards may lie: a folder of artifacts, the artifact, the out folder."""


def merge(folders: Sequence[Path], out: Path, *, fresh: bool, fail_on: str) -> FinishedRun:
    """Write one journal and every report.

    Args:
        folders: of shards, or of folders of shards.
        out: the folder for the result.
        fresh: move what it holds aside.
        fail_on: which verdicts set the exit status.

    Raises:
        JournalError: what is there cannot be merged.
        UsageError: a folder holds no shard, or `out` holds something else.
    """
    report = _merged([one for folder in folders for one in journals_in(folder)], out, fresh=fresh)
    return FinishedRun(report=report, folder=out, status=exit_code(report, fail_on))


def merge_shards(settings: Settings, redactor: Redactor) -> FinishedRun:
    """Merge the shards that the settings name, and treat the result like a run.

    Raises:
        UsageError: see `merge`; or the baseline cannot be compared with.
        KvvError: what is there cannot be merged.
    """
    baseline = find(settings)
    report = _merged(journals_in(Path(settings.shards), "shards"), out_directory(settings), fresh=settings.fresh)
    return finished(settings, report, baseline, redactor)


def _merged(journals: Sequence[Path], out: Path, *, fresh: bool) -> RunReport:
    target = out / JOURNAL
    found = {path.resolve(): path for path in journals}
    parts = examine([path for real, path in sorted(found.items()) if real != target.resolve()])
    try:
        _make_room(parts, out, fresh=fresh)
        _write(parts, target)
        _gather(parts, out)
    except OSError as error:
        raise KvvError(f"{out}: cannot be used: {refusal(error)}") from error
    report = build(target)
    write_reports(out, report, Redactor())
    return report


def journals_in(folder: Path, named: str = "DIR") -> list[Path]:
    """The journal of a folder, or those of the folders below it; `named` is the setting that has the folder.

    Raises:
        UsageError: there is none.
    """
    if (folder / JOURNAL).is_file() or folder.is_file():
        return [folder / JOURNAL if folder.is_dir() else folder]
    found = list(holding(folder, JOURNAL, DEPTH)) if folder.is_dir() else []
    if not found:
        allowed = f"Holds no {JOURNAL}, nor do the folders in it; name folders that kvv run --shard wrote."
        raise UsageError([Problem(name=named, value=str(folder), allowed=allowed)])
    return [journal for journal in found if not _was_moved_aside(journal)]


def _was_moved_aside(journal: Path) -> bool:
    """Whether `fresh` has moved this folder aside: the same shard was begun again beside it (see `move_aside`)."""
    name, _, number = journal.parent.name.rpartition(".")
    again = journal.parent.with_name(name) / JOURNAL if name and number.isdigit() else journal
    if again == journal or not again.is_file():
        return False
    try:
        shards = [read_plan(path).shard for path in (journal, again)]
    except JournalError:
        return False
    return None not in shards and len({shard.number for shard in shards if shard is not None}) == 1


def _make_room(parts: Sequence[ShardJournal], out: Path, *, fresh: bool) -> None:
    if fresh and (out / JOURNAL).exists():
        if any(part.path.resolve().is_relative_to(out.resolve()) for part in parts):
            allowed = "The shards lie in this folder, so it cannot be moved aside; name another one."
            raise UsageError([Problem(name="out", value=str(out), allowed=allowed)])
        move_aside(out)
    out.mkdir(parents=True, exist_ok=True)


def _write(parts: Sequence[ShardJournal], target: Path) -> None:
    """The merged journal; it replaces only one that holds nothing but the same shards, or less of them."""
    with replaced(target) as stream:
        stream.writelines(merged(parts))
        if target.exists() and not continues(parts, target):
            allowed = "Holds another run, or a merge of other shards; choose another folder, or --fresh."
            raise UsageError([Problem(name="out", value=str(target.parent), allowed=allowed)])


def _gather(parts: Sequence[ShardJournal], out: Path) -> None:
    """What benchmarks left beside the journals: texts as they are, lines in the order of the shards.

    A summary of one shard (`.json`) says nothing of the whole and is left behind.
    """
    found: dict[str, list[Path]] = {}
    for part in parts:
        folder = part.path.parent
        for path in extras(folder, registry.extras()):
            if path.suffix != ".json" and not path.is_symlink():
                found.setdefault(path.relative_to(folder).as_posix(), []).append(path)
    for name, sources in sorted(found.items()):
        (out / name).parent.mkdir(exist_ok=True)
        with replaced(out / name) as stream:
            for source in sources if name.endswith(".jsonl") else sources[-1:]:
                with source.open("rb") as lines:
                    copyfileobj(lines, stream)
