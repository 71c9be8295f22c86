"""What a run would ask, cost and decide, and how it is best divided into shards; nothing is sent."""

from dataclasses import dataclass

from entrypoint.plan_estimate import PlanEstimate, estimate_plan
from entrypoint.prepare import prepare
from entrypoint.shard_plan import ShardPlan, shard_plan
from kvv_action.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DividedPlan:
    """An estimate of the whole run, and its shards."""

    estimate: PlanEstimate
    shards: ShardPlan


def plan(settings: Settings) -> PlanEstimate:
    """Read the samples and add up.

    Raises:
        UsageError, DatasetError: as for a run.
    """
    return estimate_plan(prepare(settings, sends=False))


def divide(settings: Settings) -> DividedPlan:
    """The same for a run in shards, which end nothing early whatever the settings say; raises what `plan` raises."""
    prepared = prepare(settings.model_copy(update={"shard": "", "sequential": False}), sends=False)
    estimate = estimate_plan(prepared)
    gates = {item.planned.gates for item in prepared.loaded if not item.planned.skip}
    shards = shard_plan(estimate.wall.expected, settings.shard_minutes, settings.max_shards, gates=gates)
    return DividedPlan(estimate=estimate, shards=shards)
