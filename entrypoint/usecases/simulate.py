"""Prepares the embedded vendor: how it serves, and which answers it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.registry import ListedBenchmark
from entrypoint.options import with_defaults
from entrypoint.prepare import create, load_benchmark, load_profile, with_rules
from entrypoint.settings import benchmark_of, composition, own_options
from kvv_action.errors import DatasetNotHere
from kvv_action.plan import variants as holdout
from kvv_action.settings import Settings
from kvv_action.simulator import AnswerBook, VendorOptions, parse_fault

PROFILE = "kimi-k2.6"
"""Of a vendor whose model nobody names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedVendor:
    """A vendor that can be served."""

    options: VendorOptions
    book: AnswerBook


PUBLISHED = ""
"""The location of a dataset that stands for the published one."""


def usual(settings: Settings) -> Settings:
    """The settings with the usual profile, where they name no model."""
    return settings if settings.model else with_defaults(settings, {"profile": PROFILE})


def simulated(
    settings: Settings, faults: Sequence[str], *, latency: float, slow_seconds: float, tokens_per_second: float = 0.0
) -> SimulatedVendor:
    """The vendor that the settings describe.

    Args:
        settings: model, profile, key, seed and datasets.
        faults: how it serves wrongly, as `NAME[=RATE]`.
        latency: seconds before each answer.
        slow_seconds: what the fault `slow` adds.
        tokens_per_second: at which answers are written; 0 writes them at once.

    Raises:
        UsageError: no such fault, model or profile.
        DatasetError: samples cannot be had.
    """
    known = tuple(parse_fault(fault) for fault in dict.fromkeys(faults))
    settings = usual(settings)
    profile = load_profile(settings)
    options = VendorOptions(
        profile=profile,
        model=settings.model or profile.model,
        api_key=settings.api_key.get_secret_value() or None,
        faults=known,
        seed=settings.seed,
        latency=latency,
        slow_seconds=slow_seconds,
        tokens_per_second=tokens_per_second,
    )
    return SimulatedVendor(options=options, book=answers(settings))


def answers(settings: Settings) -> AnswerBook:
    """Answers of every benchmark's bundled samples, of the datasets given, and of those in the cache that is named."""
    profile = load_profile(settings)
    every = composition().benchmarks.values()
    names = [one.id for one in every if one.id in profile.benchmarks or _askable(one, settings)]
    profile = with_rules(profile, names)
    pairs = []
    settings = settings.model_copy(update={"tier": "full"})  # a smaller tier would know a part of the answers only
    for benchmark in create(names, settings, settings.model or profile.model):
        places = ["bundled"] if benchmark_of(benchmark.id).has_samples() else []
        if benchmark.id in settings.dataset:
            places.append(settings.dataset[benchmark.id])
        elif settings.dataset_cache and benchmark.pin is not None:
            places.append(PUBLISHED)
        for place in places:
            try:
                loaded = load_benchmark(benchmark, settings, profile, location=place, offline=True)
            except DatasetNotHere:
                continue
            known = holdout.applied([loaded], settings.holdout, settings.seed)
            pairs += [(item.benchmark, item.samples()) for item in known]
    return AnswerBook(pairs)


def _askable(one: ListedBenchmark, settings: Settings) -> bool:
    """Whether a benchmark that the profile does not know can be asked all the same."""
    return one.rules is not None and not own_options(settings, one.id).lacks()
