"""How far a run came, and what is missing: of one journal, or of the shards of a merged one."""

from collections.abc import Iterator

from kvv_action.digits import noun
from kvv_action.journal.file import Record
from kvv_action.journal.state import JournalState
from kvv_action.schema import RunPlan, RunState

KILLED = "was killed or is still going"
OTHERS = "asked by the other shards"


def state_of(found: JournalState, plan: RunPlan) -> tuple[RunState, str]:
    """The state, and why it is not complete."""
    if found.merge is not None:
        return _of_shards(found, plan, found.merge["of"])
    if found.end is None:
        return RunState.INTERRUPTED, f"the run {KILLED}; the same command goes on"
    return RunState(found.end["state"]), str(found.end["reason"])


def _of_shards(found: JournalState, plan: RunPlan, of: int) -> tuple[RunState, str]:
    """Complete when every shard is; shards that a closed gate kept from beginning are not missed."""
    problems = list(_unfinished(found, of))
    missing = [shard for shard in range(1, of + 1) if shard not in found.ends]
    if missing and not _closed(found, plan):
        problems.insert(0, f"{_named(missing)} of {of} {'is' if len(missing) == 1 else 'are'} missing")
    if not problems:
        problems += _forgotten(found, plan)
    if not problems:
        return RunState.COMPLETE, ""
    return RunState.STOPPED, "; ".join(problems) + "; go on with what is missing, then merge again"


def _unfinished(found: JournalState, of: int) -> Iterator[str]:
    for shard, end in sorted(found.ends.items()):
        if end is None:
            yield f"shard {shard} of {of} {KILLED}"
        elif end["state"] != RunState.COMPLETE:
            yield f"shard {shard} of {of} was {end['state']} ({end['reason']})"


def _forgotten(found: JournalState, plan: RunPlan) -> Iterator[str]:
    """Answers that no shard took for its own: their programs have divided the plan in different ways."""
    for planned in plan.benchmarks:
        board = found.progress[planned.id]
        if not (planned.skip or board.skip or all(board.last)):
            lost = sum(not last for last in board.last)
            yield f"{planned.title}: {lost} {noun(lost, 'answer is', 'answers are')} in no shard"


def _closed(found: JournalState, plan: RunPlan) -> bool:
    """Whether the shard that gates is done and has said of everything else that it is not to be asked."""
    first: Record | None = found.ends.get(1)
    if first is None or first["state"] != RunState.COMPLETE:
        return False
    asked = [found.progress[planned.id] for planned in plan.benchmarks if not planned.skip]
    return all(all(board.last) or 1 in board.skips.keys() - board.lacking for board in asked)


def _named(shards: list[int]) -> str:
    """`shard 3`, `shards 2, 3 and 5`."""
    names = [str(shard) for shard in shards]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"shard{'s' if len(names) > 1 else ''} {listed}"
