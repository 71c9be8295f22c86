"""From settings to a plan with samples at hand; every mistake is found before anything is sent."""

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from benchmarks import registry
from entrypoint.nested import limits_of_containers
from entrypoint.settings import (
    benchmark_of,
    composition,
    is_pinned,
    kept_in_choices,
    kept_in_fields,
    missing_paths,
    own_options,
    value_of,
)
from entrypoint.spending import priced, unpriced
from kvv_action import __version__
from kvv_action.benchmark import Benchmark, DatasetPin, Options, Rows
from kvv_action.dataset import pins
from kvv_action.dataset.load import BUNDLED
from kvv_action.dataset.load import load as load_rows
from kvv_action.errors import DatasetError, DatasetNotHere, Problem, UsageError, nearest
from kvv_action.github import context
from kvv_action.options import option_name
from kvv_action.plan import shard as shards
from kvv_action.plan.plan import Amount, Loaded, ReferenceRun, counted, left_out, plan_benchmark
from kvv_action.plan.reference_pack import is_pack
from kvv_action.plan.strata import NO_STRATA, Strata
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import check as check_thinking
from kvv_action.redact import SENSITIVE_HEADER, Redactor
from kvv_action.report.files import REPORT
from kvv_action.report.text import visible
from kvv_action.sandbox.own_image import own_image
from kvv_action.schema import JUDGE, TIERS, EndpointInfo, Json, PlannedBenchmark, ProfileInfo, Provenance, RunPlan
from kvv_action.settings import ALL_EFFORTS, SECRETS, Settings, all_headers, hidden_headers, vendor_name
from kvv_action.verdict.rules import VerdictRules

EMBEDDED = "embedded vendor"
NO_REFERENCE = "none"
"""Entry of `reference` that compares with nothing."""
NOBODY = "no endpoint"
UNTOLD = "none"
"""The way of thinking of an endpoint that is told nothing about it."""
JUDGE_BODY: Mapping[str, Json] = {"temperature": 0.3, "max_tokens": 16384}
"""What a judge is sent, as Kimi-Vendor-Verifier does; `judge-extra-body` says more, or something else."""
PACKAGES = ("aiohttp", "datasets", "docker", "httpx", "httpx-aiohttp", "math-verify", "orjson", "pydantic", "uvloop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A run against the embedded vendor, with the faults it is given."""

    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """A run that can start; `reference_runs` are what its scores are compared with, by benchmark."""

    settings: Settings
    profile: Profile
    plan: RunPlan
    loaded: tuple[Loaded, ...]
    redactor: Redactor
    reference_runs: Mapping[str, ReferenceRun] = field(default_factory=dict)


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Everything in the settings that must never be written."""
    headers = tuple(
        part
        for name, value in all_headers(settings).items()
        if is_sensitive(name) or name in hidden_headers(settings)
        for part in (value, value.split(" ")[-1])
    )
    keys = tuple(value_of(settings, name).get_secret_value() for name in SECRETS if name != "secret_headers")
    return tuple(secret for secret in (*keys, *headers) if secret)


def is_sensitive(header: str) -> bool:
    """Whether a header's name says that its value is a secret."""
    return any(word in header.lower() for word in SENSITIVE_HEADER)


def load_profile(settings: Settings) -> Profile:
    """The chosen profile, by default the one with the model's name.

    Raises:
        UsageError: there is none, or it is wrong.
    """
    if settings.profile:
        return loader.load(settings.profile)
    names = loader.names()
    if settings.model in names:
        return loader.load(settings.model)
    guess = nearest(settings.model.lower().rpartition("/")[2], names)
    raise UsageError(
        [
            Problem(
                name="profile",
                value="",
                allowed=f"No profile has the model's name; choose one of {', '.join(names)}, or a TOML file.",
                nearest=guess,
            )
        ]
    )


def _beyond_connections(settings: Settings) -> Iterator[Problem]:
    """More requests at a time than connections are allowed: the load would not be what the report says."""
    highest = max(value_of(settings, "load"), default=0)
    if highest > settings.max_connections:
        allowed = f"load asks {highest} requests at a time; set max-connections to {highest} or more, or load to less."
        yield Problem(name="max-connections", value=str(settings.max_connections), allowed=allowed)


def chosen_benchmarks(settings: Settings, profile: Profile) -> tuple[str, ...]:
    """Ids in the order of the registry. What gates is part of every run unless `precheck` is off.

    Without names, all that the profile has; a benchmark that the profile does not know, but that says itself how it is
    asked, is asked when it is named.

    Raises:
        UsageError: a name is none, or nothing is left.
        BrokenPlugin: a benchmark that is named cannot be used.
    """
    every = registry.ids()
    usual = [name for name in every if name in profile.benchmarks or _asks(name, settings)]
    known = [name for name in every if name in usual or _says_itself(name, settings)]
    problems = [
        Problem(name=option_name(name), value="", allowed=lacking)
        for name in settings.benchmarks
        if name in every and name not in known and (lacking := own_options(settings, name).lacks())
    ]
    problems += [
        Problem(
            name="benchmarks",
            value=name,
            allowed=f"Use any of: {', '.join(known)}." if name not in every
            else f"The profile {profile.name} has no such benchmark; it has {', '.join(known)}.",
            nearest=nearest(name, known),
        )
        for name in settings.benchmarks
        if name not in known and not problems
    ]  # fmt: skip
    problems += [
        Problem(name="dataset", value=name, allowed=f"Use any of: {', '.join(known)}.", nearest=nearest(name, known))
        for name in settings.dataset
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
    gates = {name for name in known if benchmark_of(name).gates}
    wanted = set(settings.benchmarks or usual) | gates | {name for name in usual if _asks(name, settings)}
    if settings.precheck == "off" or not asks_a_model(settings):
        wanted -= gates
    chosen = tuple(name for name in known if name in wanted)
    if not chosen:
        raise UsageError([Problem(name="benchmarks", value="", allowed="Nothing is left to run with precheck: off.")])
    return chosen


def _says_itself(name: str, settings: Settings) -> bool:
    """Whether a benchmark is named that says itself how it is asked of any model, and lacks nothing for that."""
    if name not in settings.benchmarks or benchmark_of(name).rules is None:
        return False
    return not own_options(settings, name).lacks()


def _asks(name: str, settings: Settings) -> bool:
    """Whether its own options ask for a benchmark."""
    return name in composition().benchmarks and own_options(settings, name).asks()


def asks_a_model(settings: Settings) -> bool:
    """Whether an endpoint is needed: not where every benchmark that is named does without."""
    known = registry.ids()
    named = [own_options(settings, name).needs_endpoint() for name in settings.benchmarks if name in known]
    return not named or any(named)


def with_rules(profile: Profile, names: Iterable[str]) -> Profile:
    """A profile that also says how benchmarks are asked which it does not know, by what they say themselves."""
    found = {name: benchmark_of(name).rules for name in names if name not in profile.benchmarks}
    own = {name: rules for name, rules in found.items() if rules is not None}
    return replace(profile, benchmarks={**profile.benchmarks, **own}) if own else profile


def create(names: Iterable[str], settings: Settings, model: str) -> list[Benchmark]:
    """Instances of the named benchmarks, as the settings choose.

    Raises:
        UsageError: the settings do not go together, or a file or folder is not there.
    """
    options = options_of(settings, model)
    return [registry.create(name, options, own_options(settings, name)) for name in names]


def load_benchmark(
    benchmark: Benchmark, settings: Settings, profile: Profile, *, location: str,
    reference_runs: Mapping[str, ReferenceRun] = MappingProxyType({}), strata: Mapping[str, Strata] = NO_STRATA,
    offline: bool = False,
) -> Loaded:  # fmt: skip
    """One benchmark with its samples; `reference_runs` are runs of the reference, `strata` those of a plan made again.

    With `offline` a published dataset comes from the cache or not at all.

    Raises:
        DatasetError: the samples cannot be had, or are not the pinned ones.
    """
    try:
        rows = _rows(benchmark, settings, location, offline=offline)
        amount = replace(amount_at(settings, settings.tier), reference_runs=reference_runs, strata=strata)
        return plan_benchmark(benchmark, rows, profile, amount)
    except DatasetError as error:
        if location in ("", BUNDLED):
            raise
        told = str(error).removeprefix(f"{benchmark.id}: ")
        named = benchmark.id if location in told else f"{benchmark.id}={visible(location)}"
        raise DatasetError(f"dataset: {named}: {told}") from error


def _rows(benchmark: Benchmark, settings: Settings, location: str, *, offline: bool = False) -> Rows | None:
    if benchmark.pin is None:
        return None
    return load_rows(
        benchmark.id,
        benchmark_of(benchmark.id).package,
        known_pin(benchmark.pin, settings),
        location,
        cache=settings.dataset_cache,
        allow_drift=settings.allow_dataset_drift,
        offline=offline,
    )


def known_pin(pin: DatasetPin, settings: Settings) -> DatasetPin:
    """A benchmark's pin with what the user's file of pins adds.

    Raises:
        DatasetError: the file cannot be read, or contradicts the pin.
    """
    return pins.pinned_by(pin, pins.read(Path(settings.dataset_pins))) if settings.dataset_pins else pin


def amount_at(settings: Settings, tier: str) -> Amount:
    """How much the settings ask for at a tier."""
    both = settings.holdout == "both"
    return Amount(
        tier=tier, limit=settings.limit, epochs=settings.epochs, seed=settings.seed,
        shuffle=settings.holdout != "off",
        sequential=sequential(settings, tier) and not both,  # a gap needs all pairs
        effort="" if settings.think_mode == "none" else settings.effort,
    )  # fmt: skip


def sequential(settings: Settings, tier: str) -> bool:
    """Whether benchmarks may end early: what was set, or else at standard, and at full beside runs of the reference.

    Shards never do.
    """
    if settings.shard:
        return False
    if settings.sequential is None:
        return tier == "standard" or (tier == "full" and any(map(_is_run, settings.reference)))
    return settings.sequential


def _is_run(reference: str) -> bool:
    """Whether it is the folder of a run, or a pack of runs."""
    return is_pack(reference) or (Path(reference) / REPORT).is_file()


def not_asked(name: str, settings: Settings, profile: Profile, tier: str, source: str) -> str:
    """Why a benchmark is left out of a tier; empty for one that is asked.

    Args:
        name: of the benchmark.
        settings: the user's; what they name is asked whatever it takes.
        profile: says what takes longer than a tier is meant to.
        tier: which one.
        source: where its samples come from; bundled ones are few.
    """
    tiers = profile.benchmarks[name].tiers
    if tier not in tiers or not tiers[tier].only_named or name in settings.benchmarks or source == BUNDLED:
        return ""
    others = " and ".join(one for one in TIERS if not tiers[one].only_named)
    return (
        f"left out of the tier {tier}, because a single answer takes longer than the tier is meant to; {others} "
        f"{'ask' if ' and ' in others else 'asks'} it, and so does {tier} when benchmarks names it"
    )


UNJUDGED = "left out, because another model judges its answers: name one with judge-base-url and judge-model"
"""Why a benchmark that needs a judge is not asked where there is none."""


def options_of(settings: Settings, model: str) -> Options:
    """The choices that every benchmark may need.

    Raises:
        UsageError: a file or folder is not there.
    """
    problems = [*missing_paths(settings), *_beyond_connections(settings)]
    if settings.reference_model and not settings.reference_base_url:
        needs = "It names a model at reference-base-url, which is not set."
        problems.append(Problem(name="reference-model", value=settings.reference_model, allowed=needs))
    if settings.reference and settings.reference_base_url:
        either = "Give files or a live endpoint to compare with, not both."
        problems.append(Problem(name="reference", value=", ".join(settings.reference), allowed=either))
    problems += _half_a_judge(settings)
    if problems:
        raise UsageError(problems)
    return Options(
        model=model,
        contract=settings.contract,
        think_mode=settings.think_mode,
        tier=settings.tier,
        tokenizer=settings.tokenizer,
        reference=settings.reference,
        reference_model=(settings.reference_model or model) if settings.reference_base_url else "",
        judge_model=settings.judge_model,
        dataset_cache=settings.dataset_cache,
        price_input=settings.price_input or 0.0,
        price_output=settings.price_output or 0.0,
    )


def _half_a_judge(settings: Settings) -> Iterator[Problem]:
    """A judge has an address and a model; nobody can guess which model an endpoint of another vendor should use."""
    if settings.judge_base_url and not settings.judge_model:
        allowed = "Required beside judge-base-url: the model that judges."
        yield Problem(name="judge-model", value="", allowed=allowed)
    if settings.judge_model and not settings.judge_base_url:
        needs = "It names a model at judge-base-url, which is not set."
        yield Problem(name="judge-model", value=settings.judge_model, allowed=needs)


def choices_of(settings: Settings, loaded: Sequence[Loaded]) -> dict[str, Any]:
    """The settings that only some benchmarks know, by the names of their inputs, as the plan keeps them."""
    containers = any(item.benchmark.sandboxed for item in loaded)
    own = kept_in_choices(settings, [item.planned.published for item in loaded])
    return own | (limits_of_containers(settings) if containers else {})


def _measured_elsewhere(loaded: Sequence[Loaded]) -> dict[str, Any]:
    """The benchmarks that are told and not judged, because their reference was measured at another level of effort."""
    levels = {item.planned.id: item.measured_at for item in loaded if item.measured_at}
    return {"reference-effort": levels} if levels else {}


def _judged_together(loaded: Sequence[Loaded]) -> dict[str, Any]:
    """What the rules must know that judge all answers of a benchmark together."""
    facts = {item.planned.id: dict(item.benchmark.facts) for item in loaded if item.benchmark.facts}
    return {"facts": facts} if facts else {}


def _packs(reference_runs: Mapping[str, ReferenceRun]) -> dict[str, Any]:
    """The packs that judge benchmarks, by the digest of their files; a leaderboard accepts its own."""
    digests = {name: run.pack for name, run in reference_runs.items() if run.pack}
    return {"reference-packs": digests} if digests else {}


def _given(settings: Settings, names: Iterable[str]) -> dict[str, Any]:
    """The settings of these benchmarks that name a file or an address, which a report cannot show."""
    own = (name for benchmark in names for name in benchmark_of(benchmark).options().model_fields)
    given = [option_name(name) for name in own if is_pinned(name) and value_of(settings, name)]
    return {"given": given} if given else {}


def checks_of(profile: Profile) -> dict[str, Any]:
    """What the checks over all answers must know of the model."""
    return {"version": 3, "markers": list(profile.markers), "names": [profile.model, *profile.served_names]}


def _engine_options(profile: Profile) -> dict[str, Any]:
    """What remedies must know of the model."""
    options = {str(engine): dict(values) for engine, values in profile.engine_options.items()}
    return {"engine-options": options} if options else {}


def file_digest(path: str) -> str:
    """SHA-256 of a file, empty for no file."""
    if not path:
        return ""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def prepare(settings: Settings, demonstration: Demonstration | None = None, *, sends: bool = True) -> PreparedRun:
    """Check everything and decide what to ask.

    Args:
        settings: the user's.
        demonstration: a run against the embedded vendor.
        sends: False needs no endpoint.

    Raises:
        UsageError: one `Problem` per mistake.
        DatasetError: samples cannot be had.
    """
    profile = _checked_profile(settings, demonstration, sends=sends)
    for place in settings.dataset.values():
        if place != BUNDLED and not Path(place).exists():
            raise DatasetError(f"dataset {place}: no such file or folder")
    names = chosen_benchmarks(settings, profile)
    settings = _with_pack(settings, profile, names, demonstration=demonstration is not None)
    profile = with_rules(profile, names)
    benchmarks = create(names, settings, settings.model or profile.model)
    today = datetime.now(UTC).date().isoformat()
    if problems := [problem for benchmark in benchmarks for problem in benchmark.unfit(profile, today)]:
        raise UsageError(problems)
    reference_runs = _reference_runs(settings, profile, names, demonstration=demonstration is not None)
    fallback = BUNDLED if demonstration else ""
    has_judge = bool(settings.judge_base_url) or demonstration is not None or not sends
    loaded = tuple(
        _at_hand(
            benchmark, settings, profile, settings.dataset.get(benchmark.id, fallback), reference_runs, sends=sends,
            has_judge=has_judge,
        )
        for benchmark in benchmarks
    )  # fmt: skip
    _something_is_asked(loaded)
    if settings.holdout != "off":
        from kvv_action.plan.variants import applied

        loaded = applied(loaded, settings.holdout, settings.seed)
    plan = _plan_of(settings, profile, loaded, reference_runs, demonstration)
    if settings.shard:
        plan, loaded = shards.divide(plan, loaded, *shards.numbers(settings.shard))
    redactor = Redactor(secrets_of(settings))
    return PreparedRun(
        settings=settings, profile=profile, plan=plan, loaded=loaded, redactor=redactor, reference_runs=reference_runs
    )


def _plan_of(
    settings: Settings, profile: Profile, loaded: Sequence[Loaded], reference_runs: Mapping[str, ReferenceRun],
    demonstration: Demonstration | None,
) -> RunPlan:  # fmt: skip
    """The plan of the whole run, before it is divided into shards."""
    return RunPlan(
        endpoint=_endpoint(settings, profile, demonstration),
        profile=ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest),
        benchmarks=tuple(item.planned for item in loaded),
        tier=settings.tier,
        seed=settings.seed,
        limit=settings.limit,
        contract=settings.contract,
        precheck=settings.precheck,
        tokenizer=file_digest(settings.tokenizer),
        choices={
            **choices_of(settings, loaded),
            "max-broken-tries": settings.max_broken_tries,
            **({"user-agent": settings.user_agent} if settings.user_agent else {}),
            "checks": checks_of(profile),
            **_engine_options(profile),
            "verdicts": rules_beside(
                settings.tier,
                [item.planned for item in loaded],
                reference_runs,
                {item.planned.id: item.strata for item in loaded if item.strata is not None},
                [item.planned.id for item in loaded if item.benchmark.chained],
            ).kept(),
            **_measured_elsewhere(loaded),
            **_without_data(loaded),
            **_judged_together(loaded),
            **_packs(reference_runs),
            **_given(settings, dict.fromkeys(item.benchmark.id for item in loaded)),
            **_judge(settings, profile, loaded, demonstration),
        },
        demonstration=demonstration is not None,
        faults=demonstration.faults if demonstration else (),
        reference=_reference(settings, profile),
        sequential=sequential(settings, settings.tier),
        max_failure_rate=settings.max_failure_rate,
        holdout=settings.holdout,
        **kept_in_fields(settings),
    )


def _with_pack(settings: Settings, profile: Profile, names: Sequence[str], *, demonstration: bool) -> Settings:
    """The settings with the pack that the profile names, where they name no reference of their own.

    `reference: none` does without it. A demonstration is no run of the model, and varied items are in no pack.
    """
    if not profile.reference_pack:
        return settings
    if settings.reference == (NO_REFERENCE,) and comparing_benchmarks().isdisjoint(names):
        return settings.model_copy(update={"reference": ()})
    other = settings.reference or settings.reference_base_url or settings.holdout == "vary"
    return settings if other or demonstration else settings.model_copy(update={"reference": (profile.reference_pack,)})


def rules_beside(
    tier: str,
    benchmarks: Sequence[PlannedBenchmark],
    reference_runs: Mapping[str, ReferenceRun],
    strata: Mapping[str, Strata],
    chained: Sequence[str] = (),
) -> VerdictRules:
    """The rules of a plan whose scores may be compared with runs of the reference."""
    epochs = {name: run.planned.epochs for name, run in reference_runs.items()}
    drift = {name: run.drift for name, run in reference_runs.items() if run.drift}
    return VerdictRules.at(tier, benchmarks, epochs, drift, strata, chained)


def _reference_runs(
    settings: Settings, profile: Profile, names: Sequence[str], *, demonstration: bool
) -> Mapping[str, ReferenceRun]:
    """The runs that every score is compared with; reading them takes modules that most runs do without."""
    if not settings.reference:
        return {}
    from entrypoint.reference_runs import reference_runs_of

    comparing = comparing_benchmarks()
    reference_runs = reference_runs_of(
        settings, profile.name, comparing, asked=not comparing.isdisjoint(names), demonstration=demonstration
    )
    if reference_runs and settings.holdout == "vary":
        allowed = "The reference answered the published items; compare with holdout: both, or off."
        raise UsageError([Problem(name="holdout", value=settings.holdout, allowed=allowed)])
    return reference_runs


def _at_hand(
    benchmark: Benchmark,
    settings: Settings,
    profile: Profile,
    location: str,
    reference_runs: Mapping[str, ReferenceRun],
    *,
    sends: bool,
    has_judge: bool,
) -> Loaded:
    """A benchmark with its samples, or without them where it is left out."""
    amount = amount_at(settings, settings.tier)
    reason = not_asked(benchmark.id, settings, profile, settings.tier, location)
    if benchmark_of(benchmark.id).judged and not has_judge:
        reason = reason or UNJUDGED
    if reason:
        return left_out(benchmark, profile, amount, reason)
    try:
        return load_benchmark(benchmark, settings, profile, location=location, reference_runs=reference_runs)
    except DatasetNotHere:
        if not sends:
            return counted(load_benchmark(benchmark, settings, profile, location=BUNDLED), profile, amount)
        if benchmark.id in settings.benchmarks or settings.shard or reference_runs:
            raise
        return left_out(benchmark, profile, amount, NOT_HERE)


NOT_HERE = (
    "its dataset is not here and its source cannot be reached; bring it with `kvv datasets fetch`, or give a local "
    "copy with dataset"
)
"""Why a benchmark that nobody named is not asked."""


def _without_data(loaded: Sequence[Loaded]) -> dict[str, Json]:
    """What a plan keeps of datasets that are not here: without these benchmarks a run does not pass."""
    missing = [item.planned.id for item in loaded if item.planned.skip == NOT_HERE]
    return {"without-data": missing} if missing else {}


def _something_is_asked(loaded: Sequence[Loaded]) -> None:
    """Refuse a run of which nothing is left because datasets are not here.

    Raises:
        DatasetNotHere: it names them.
    """
    missing = [item.planned.title for item in loaded if item.planned.skip == NOT_HERE]
    if missing and all(item.planned.skip for item in loaded):
        raise DatasetNotHere(f"{', '.join(missing)}: {NOT_HERE}")


def _checked_profile(settings: Settings, demonstration: Demonstration | None, *, sends: bool) -> Profile:
    problems = [*unpriced(settings), *_unusable(settings)]
    sends = sends and asks_a_model(settings)
    if not sends and not (settings.profile or settings.model):
        allowed = "Required: as input, --profile or KVV_PROFILE; a model that has a profile's name will do, too."
        problems.append(Problem(name="profile", value="", allowed=f"{allowed} `kvv profiles` lists them."))
    if sends and demonstration is None:
        problems += [*required(settings), *_unjudged(settings)]
    if settings.shard and settings.baseline:
        whole = "A shard is a part of a run; compare what kvv merge makes of all of them."
        problems.append(Problem(name="baseline", value=settings.baseline, allowed=whole))
    profile = None
    if settings.profile or settings.model:
        with _collected(problems):
            profile = load_profile(settings)
    if profile is not None:
        with _collected(problems):
            check_thinking(profile.thinking, settings.think_mode, _level(settings, profile))
        with _collected(problems):
            problems += _uncompared(settings, chosen_benchmarks(settings, profile))
        problems += _overridden(settings, profile)
    if problems or profile is None:
        raise UsageError(problems)
    return profile


def _level(settings: Settings, profile: Profile) -> str:
    """The one level of effort that a run has.

    Raises:
        UsageError: the settings ask for every level where one run is prepared.
    """
    if settings.effort != ALL_EFFORTS or not profile.thinking.efforts:
        return settings.effort
    allowed = f"It makes several runs, and only one can be divided: name one of {', '.join(profile.thinking.efforts)}."
    raise UsageError([Problem(name="effort", value=settings.effort, allowed=allowed)])


def required(settings: Settings) -> Iterator[Problem]:
    """What must be set before an endpoint can be asked."""
    for name, value in (("base-url", settings.base_url), ("model", settings.model)):
        if not value:
            variable = "KVV_" + name.upper().replace("-", "_")
            yield Problem(name=name, value="", allowed=f"Required: as input, --{name} or {variable}.")


def _unjudged(settings: Settings) -> Iterator[Problem]:
    """A benchmark that is named and has no judge."""
    for name in settings.benchmarks:
        if name in composition().benchmarks and benchmark_of(name).judged and not settings.judge_base_url:
            allowed = f"Required, with judge-model: another model judges the answers of {benchmark_of(name).title}."
            yield Problem(name="judge-base-url", value="", allowed=allowed)


def _uncompared(settings: Settings, names: Sequence[str]) -> Iterator[Problem]:
    """A live reference that nobody would ask."""
    comparing = comparing_benchmarks()
    if settings.reference_base_url and comparing.isdisjoint(names):
        allowed = (
            f"Only {' or '.join(sorted(comparing))} asks a live reference, and it is not among the benchmarks "
            f"({', '.join(names)}). Add it, or verify the reference by itself and give its out folder as baseline."
        )
        yield Problem(name="reference-base-url", value=settings.reference_base_url, allowed=allowed)


def comparing_benchmarks() -> frozenset[str]:
    """The benchmarks whose answers are compared with those of a reference."""
    return frozenset(one.id for one in composition().benchmarks.values() if one.compares)


def _unusable(settings: Settings) -> Iterator[Problem]:
    """What benchmarks say of their own options."""
    for name in composition().benchmarks:
        yield from own_options(settings, name).problems(priced=priced(settings))


def _overridden(settings: Settings, profile: Profile) -> list[Problem]:
    """Locked parameters in `extra-body`: they would take the place of the values that must be accepted."""
    if settings.precheck == "off" or settings.contract != "official":
        return []
    locked = [parameter.name for parameter in profile.parameters if parameter.name in settings.extra_body]
    advice = "is locked in this profile and tested by Pre-Verification; leave it out, or set contract: compatible."
    return [Problem(name="extra-body", value=name, allowed=f"{name} {advice}") for name in locked]


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a check to those found so far, so that all are told at once."""
    try:
        yield
    except UsageError as error:
        problems += error.problems


def _endpoint(settings: Settings, profile: Profile, demonstration: Demonstration | None) -> EndpointInfo:
    silent = not demonstration and not settings.base_url
    return EndpointInfo(
        vendor=EMBEDDED if demonstration else NOBODY if silent else vendor_name(settings),
        base_url=EMBEDDED if demonstration else settings.base_url,
        model=settings.model or profile.model,
        think_mode=settings.think_mode,
        effort=settings.effort,
        stream=settings.stream,
        extra_body=settings.extra_body,
        extra_headers=tuple(sorted(all_headers(settings))),
    )


def _reference(settings: Settings, profile: Profile) -> EndpointInfo | None:
    """The live reference; it is asked without the vendor's extra body and headers."""
    if not settings.reference_base_url:
        return None
    return EndpointInfo(
        vendor=urlsplit(settings.reference_base_url).hostname or "",
        base_url=settings.reference_base_url,
        model=settings.reference_model or settings.model or profile.model,
        think_mode=settings.think_mode,
        effort=settings.effort,
        stream=settings.stream,
    )


def _judge(
    settings: Settings, profile: Profile, loaded: Sequence[Loaded], demonstration: Demonstration | None
) -> dict[str, Json]:
    """The endpoint whose model judges answers, where a benchmark of the run needs one; it thinks as it likes."""
    if not any(benchmark_of(item.planned.published).judged and not item.planned.skip for item in loaded):
        return {}
    embedded = demonstration is not None
    url = EMBEDDED if embedded else settings.judge_base_url
    info = EndpointInfo(
        vendor=EMBEDDED if embedded else urlsplit(url).hostname or "",
        base_url=url,
        model=(settings.model or profile.model) if embedded else settings.judge_model,
        think_mode=UNTOLD,
        stream=settings.stream,
        extra_body=settings.judge_extra_body if embedded else {**JUDGE_BODY, **settings.judge_extra_body},
    )
    return {JUDGE: asdict(info)}


@cache
def _packages() -> Mapping[str, str]:
    return {name: metadata.version(name) for name in PACKAGES}


def provenance(github: Mapping[str, str]) -> Provenance:
    """Versions of everything that took part."""
    return Provenance(
        version=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages=dict(_packages()),
        github=dict(github),
        image=context.image() or own_image(),
        commit=context.commit(),
    )
