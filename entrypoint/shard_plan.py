"""Into how many shards a run is divided, as a workflow needs it."""

import math
from dataclasses import dataclass

import orjson

from kvv_action.report.text import seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """The shards of a plan.

    Attributes:
        of: how many there are.
        gate: whether the first one is Pre-Verification; then the others wait for it.
        shards: the numbers of the others.
        expected: seconds that the undivided run is expected to take.
    """

    of: int
    gate: bool
    shards: tuple[int, ...]
    expected: float

    def outputs(self) -> dict[str, str]:
        """The outputs of the step."""
        return {"gate": str(self.gate).lower(), "shards": orjson.dumps(self.shards).decode(), "of": str(self.of)}

    def told(self) -> str:
        """The plan in a line."""
        first = "Pre-Verification first, then " if self.gate else ""
        count = len(self.shards)
        parts = f"{count} shard{'s' if count != 1 else ''}" if count else "nothing else"
        return f"{seconds(self.expected)} expected for the whole run: {first}{parts}"


def shard_plan(expected: float, minutes: int, most: int, *, gates: set[bool]) -> ShardPlan:
    """Enough shards that each takes about the given time.

    Args:
        expected: seconds of the whole run.
        minutes: that a shard may take.
        most: at most this many shards, not counting the first.
        gates: whether the plan has benchmarks that gate, and others.
    """
    count = min(most, max(1, math.ceil(expected / (60 * minutes))))
    if gates == {True}:
        return ShardPlan(of=1, gate=True, shards=(), expected=expected)
    if True in gates:
        return ShardPlan(of=count + 1, gate=True, shards=tuple(range(2, count + 2)), expected=expected)
    return ShardPlan(of=count, gate=False, shards=tuple(range(1, count + 1)), expected=expected)
