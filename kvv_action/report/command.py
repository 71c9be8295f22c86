"""The command that asks the same again."""

from collections.abc import Mapping

import orjson

from kvv_action.digits import exact
from kvv_action.schema import (
    JUDGE,
    MOST_BROKEN_TRIES,
    MOST_FAILURES,
    BenchmarkKind,
    EndpointInfo,
    Json,
    PlannedBenchmark,
    RunPlan,
    RunReport,
)

NO_OPTIONS = frozenset(
    {
        "checks", "engine-options", "facts", "given", JUDGE, "max-broken-tries", "reference-effort", "reference-packs",
        "verdicts", "without-data",
    }
)  # fmt: skip
"""What a plan keeps among its choices that is no option: rules, and what follows from the other settings."""


def command(report: RunReport) -> list[str]:
    """The words of the command; header values and file paths are not in a report, so `…` stands for them."""
    if report.provenance.again:
        return ["kvv", *_of_all_shards(report)]
    plan, endpoint = report.plan, report.endpoint
    ids = ",".join(planned.id for planned in plan.benchmarks if _is_named(planned))
    further = [*_choices(plan), *_against(plan)]
    if plan.demonstration:
        faults = [word for fault in plan.faults for word in ("--fault", fault)]
        return ["kvv", "demo", "--profile", report.profile.name, "--benchmarks", ids, *faults, *further]
    scored = [one for one in plan.benchmarks if one.kind is BenchmarkKind.SCORED and _is_named(one)]
    epochs = {planned.epochs for planned in scored}
    options = {
        "base-url": endpoint.base_url,
        "model": endpoint.model,
        "profile": report.profile.name,
        "tier": plan.tier,
        "benchmarks": ids,
        "seed": str(plan.seed),
        "limit": str(plan.limit or ""),
        "epochs": str(*epochs) if len(epochs) == 1 else "",
        "sequential": "" if plan.sequential == (plan.tier != "full") else str(plan.sequential).lower(),
        "max-broken-tries": "" if plan.max_broken_tries in (None, MOST_BROKEN_TRIES) else exact(plan.max_broken_tries),
        "max-failure-rate": "" if plan.max_failure_rate == MOST_FAILURES else exact(plan.max_failure_rate),
        "think-mode": "" if endpoint.think_mode == "kimi" else endpoint.think_mode,
        "effort": endpoint.effort,
        "contract": "" if plan.contract == "official" else plan.contract,
        "precheck": "" if plan.precheck == "gate" else plan.precheck,
        "probes": ",".join(plan.probes),
        "stream": "" if endpoint.stream else "false",
        "extra-body": orjson.dumps(endpoint.extra_body).decode() if endpoint.extra_body else "",
    }
    words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    words += [word for name in endpoint.extra_headers for word in ("--extra-headers", f"{name}: …")]
    for planned in scored:
        if planned.dataset.source not in ("hub", "code"):
            where = "bundled" if planned.dataset.source == "bundled" else planned.dataset.location
            words += ["--dataset", f"{planned.id}={where}"]
    return ["kvv", "run", *words, *further]


def _of_all_shards(report: RunReport) -> list[str]:
    """What was set; of merged shards without what belongs to one of them."""
    words = list(report.provenance.again)
    for option in ("--shard", "--out") if "--shard" in words and report.plan.shard is None else ():
        if option in words:
            place = words.index(option)
            del words[place : place + 2]
    return words


def _is_named(planned: PlannedBenchmark) -> bool:
    """Whether `--benchmarks` has to name it: neither the varied copy of another nor left out by the tier."""
    return not planned.is_variant and not planned.left_out


def _against(plan: RunPlan) -> list[str]:
    """Options for varied items, for files of benchmarks, for a judge, and for a run of the reference."""
    words = [] if plan.holdout == "off" else ["--holdout", plan.holdout]
    words += [word for name in plan.choices.get("given", ()) for word in (f"--{name}", "…")]
    words += _judge(plan.judge) if plan.judge is not None and not plan.demonstration else []
    return [*words, "--reference", "…"] if any(planned.peers for planned in plan.benchmarks) else words


def _judge(judge: EndpointInfo) -> list[str]:
    """Options for the model that judges answers."""
    body = ["--judge-extra-body", orjson.dumps(judge.extra_body).decode()] if judge.extra_body else []
    return ["--judge-base-url", judge.base_url, "--judge-model", judge.model, *body]


def _choices(plan: RunPlan) -> list[str]:
    """Options of single benchmarks."""
    texts = {name: _option(value) for name, value in sorted(plan.choices.items()) if name not in NO_OPTIONS}
    return [word for name, value in texts.items() if value for word in (f"--{name}", value)]


def _option(value: Json) -> str:
    """A setting as the text of an option."""
    match value:
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ",".join(map(str, value))
        case Mapping():
            return ",".join(f"{name}={exact(number)}" for name, number in sorted(value.items()))
    return str(value)
