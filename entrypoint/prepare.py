"""From settings to a plan with samples at hand; every mistake is found before anything is sent."""

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from benchmarks import registry
from entrypoint.nested import limits_of_containers, sandboxed
from entrypoint.spending import unpriced
from kvv_action import __version__
from kvv_action.benchmark import Benchmark, Options
from kvv_action.dataset.load import BUNDLED
from kvv_action.dataset.load import load as load_rows
from kvv_action.errors import DatasetError, Problem, UsageError
from kvv_action.github import context
from kvv_action.plan import shard as shards
from kvv_action.plan import variants as holdout
from kvv_action.plan.plan import Amount, Loaded, Peer, left_out, plan_benchmark
from kvv_action.profiles import loader
from kvv_action.profiles.document import TIERS
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import check as check_thinking
from kvv_action.redact import SENSITIVE_HEADER, Redactor
from kvv_action.sandbox.own import own_image
from kvv_action.schema import EndpointInfo, ProfileInfo, Provenance, RunPlan
from kvv_action.settings import SECRETS, Settings, nearest, option_name, vendor_name

EMBEDDED = "embedded vendor"
CHOICES = ("image_encoding", "image_placement", "mmmu_prompt", "mmmu_parts")
SWEBENCH = (
    "swebench_dataset", "swebench_agent", "swebench_namespace", "swebench_instances", "swebench_exclude",
    "swebench_limits", "swebench_network",
)  # fmt: skip
"""Choices that stand in a plan only where SWE-bench does."""
COMPARING = "toolcall"
"""The benchmark whose answers are compared with those of a live reference."""
NOBODY = "no endpoint"
PACKAGES = ("aiohttp", "datasets", "docker", "httpx", "httpx-aiohttp", "math-verify", "orjson", "pydantic", "uvloop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A run against the embedded vendor, with the faults it is given."""

    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that can start."""

    settings: Settings
    profile: Profile
    plan: RunPlan
    loaded: tuple[Loaded, ...]
    redactor: Redactor


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Everything in the settings that must never be written."""
    headers = tuple(
        part
        for name, value in settings.extra_headers.items()
        if any(word in name.lower() for word in SENSITIVE_HEADER)
        for part in (value, value.split(" ")[-1])
    )
    keys = tuple(getattr(settings, name).get_secret_value() for name in SECRETS)
    return tuple(secret for secret in (*keys, *headers) if secret)


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


def chosen_benchmarks(settings: Settings, profile: Profile) -> tuple[str, ...]:
    """Ids in the order of the registry; Pre-Verification is part of every run unless `precheck` is off."""
    known = [name for name in registry.IDS if name in profile.benchmarks]
    problems = [
        Problem(
            name="benchmarks",
            value=name,
            allowed=f"Use any of: {', '.join(known)}." if name not in registry.IDS or name in known
            else f"The profile {profile.name} has no such benchmark; it has {', '.join(known)}.",
            nearest=nearest(name, known),
        )
        for name in settings.benchmarks
        if name not in known
    ]  # fmt: skip
    problems += [
        Problem(name="dataset", value=name, allowed=f"Use any of: {', '.join(known)}.", nearest=nearest(name, known))
        for name in settings.dataset
        if name not in known
    ]
    if problems:
        raise UsageError(problems)
    wanted = set(settings.benchmarks or known) | {"precheck"}
    if settings.precheck == "off" or not asks_a_model(settings):
        wanted -= {"precheck"}
    chosen = tuple(name for name in known if name in wanted)
    if not chosen:
        raise UsageError([Problem(name="benchmarks", value="", allowed="Nothing is left to run with precheck: off.")])
    return chosen


def asks_a_model(settings: Settings) -> bool:
    """Whether an endpoint is needed: not for SWE-bench alone with an agent that is no model."""
    return settings.swebench_agent == "bash" or settings.benchmarks != ("swebench",)


def create(names: Sequence[str], options: Options) -> list[Benchmark]:
    """Instances of the named benchmarks."""
    return [registry.create(name, options) for name in names]


def load_benchmark(
    benchmark: Benchmark, settings: Settings, profile: Profile, *, location: str,
    peers: Mapping[str, Peer] = MappingProxyType({}),
) -> Loaded:  # fmt: skip
    """One benchmark with its samples; `peers` are runs of the reference.

    Raises:
        DatasetError: the samples cannot be had, or are not the pinned ones.
    """
    rows = None
    if benchmark.pin is not None:
        rows = load_rows(
            benchmark.id,
            registry.package(benchmark.id),
            benchmark.pin,
            location,
            cache=settings.dataset_cache,
            allow_drift=settings.allow_dataset_drift,
        )
    return plan_benchmark(benchmark, rows, profile, replace(amount_at(settings, settings.tier), peers=peers))


def amount_at(settings: Settings, tier: str) -> Amount:
    """How much the settings ask for at a tier."""
    both = settings.holdout == holdout.BOTH
    return Amount(
        tier=tier, limit=settings.limit, epochs=settings.epochs, seed=settings.seed,
        shuffle=settings.holdout != holdout.OFF,
        sequential=sequential(settings, tier) and not both,  # a gap needs all pairs
    )  # fmt: skip


def sequential(settings: Settings, tier: str) -> bool:
    """Whether benchmarks may end early: what was set, or else at every tier but the full one; shards never do."""
    if settings.shard:
        return False
    return tier != "full" if settings.sequential is None else settings.sequential


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
    if not tiers[tier].only_named or name in settings.benchmarks or source == BUNDLED:
        return ""
    others = " and ".join(one for one in TIERS if not tiers[one].only_named)
    return (
        f"left out of the tier {tier}, because a single answer takes longer than the tier is meant to; {others} "
        f"{'ask' if ' and ' in others else 'asks'} it, and so does {tier} when benchmarks names it"
    )


def options_of(settings: Settings, model: str) -> Options:
    """The choices that benchmarks know about.

    Raises:
        UsageError: a file or folder is not there.
    """
    places = (("mfjs-cases", settings.mfjs_cases, Path.is_dir), ("tokenizer", settings.tokenizer, Path.is_file))
    problems = [
        Problem(name=name, value=value, allowed="There is no such file or folder.")
        for name, value, there in places
        if value and not there(Path(value))
    ]
    if settings.reference_model and not settings.reference_base_url:
        needs = "It names a model at reference-base-url, which is not set."
        problems.append(Problem(name="reference-model", value=settings.reference_model, allowed=needs))
    if settings.reference and settings.reference_base_url:
        either = "Give files or a live endpoint to compare with, not both."
        problems.append(Problem(name="reference", value=", ".join(settings.reference), allowed=either))
    if problems:
        raise UsageError(problems)
    return Options(
        model=model,
        contract=settings.contract,
        think_mode=settings.think_mode,
        tier=settings.tier,
        probes=settings.probes,
        mfjs_cases=settings.mfjs_cases,
        tokenizer=settings.tokenizer,
        **{name: getattr(settings, name) for name in (*CHOICES, *SWEBENCH)},
        reference=settings.reference,
        reference_model=(settings.reference_model or model) if settings.reference_base_url else "",
        toolcall_mode=settings.toolcall_mode,
        dataset_cache=settings.dataset_cache,
        base_image=settings.base_image,
        price_input=settings.price_input or 0.0,
        price_output=settings.price_output or 0.0,
    )


def choices_of(settings: Settings, loaded: Sequence[Loaded]) -> dict[str, Any]:
    """The settings that only some benchmarks know, by the names of their inputs, as the plan keeps them."""
    containers = any(sandboxed(item.benchmark) for item in loaded)
    names = (*CHOICES, *(SWEBENCH if containers else ()))
    limits = limits_of_containers(settings) if containers else {}
    return {option_name(name): getattr(settings, name) for name in names} | limits


def file_digest(path: str) -> str:
    """SHA-256 of a file, empty for no file."""
    if not path:
        return ""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def prepare(settings: Settings, demonstration: Demonstration | None = None, *, sends: bool = True) -> Prepared:
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
    agent, _, patches = settings.swebench_agent.partition("=")
    if agent == "patches" and not Path(patches).is_file():
        raise DatasetError(f"swebench-agent: {patches}: no such file")
    names = chosen_benchmarks(settings, profile)
    options = options_of(settings, settings.model or profile.model)
    peers = _peers(settings, profile, toolcall="toolcall" in names, demonstration=demonstration is not None)
    fallback = BUNDLED if demonstration else ""
    loaded = tuple(
        _at_hand(benchmark, settings, profile, settings.dataset.get(benchmark.id, fallback), peers)
        for benchmark in create(names, options)
    )
    loaded = holdout.applied(loaded, settings.holdout, settings.seed)
    plan = RunPlan(
        endpoint=_endpoint(settings, profile, demonstration),
        profile=ProfileInfo(name=profile.name, title=profile.title, digest=profile.digest),
        benchmarks=tuple(item.planned for item in loaded),
        tier=settings.tier,
        seed=settings.seed,
        limit=settings.limit,
        contract=settings.contract,
        precheck=settings.precheck,
        probes=settings.probes,
        tokenizer=file_digest(settings.tokenizer),
        choices=choices_of(settings, loaded),
        demonstration=demonstration is not None,
        faults=demonstration.faults if demonstration else (),
        reference=_reference(settings, options),
        sequential=sequential(settings, settings.tier),
        max_failure_rate=settings.max_failure_rate,
        holdout=settings.holdout,
    )
    if settings.shard:
        plan, loaded = shards.divide(plan, loaded, *shards.numbers(settings.shard))
    redactor = Redactor(secrets_of(settings))
    return Prepared(settings=settings, profile=profile, plan=plan, loaded=loaded, redactor=redactor)


def _peers(settings: Settings, profile: Profile, *, toolcall: bool, demonstration: bool) -> Mapping[str, Peer]:
    """The runs that every score is compared with; reading them takes modules that most runs do without."""
    if not settings.reference:
        return {}
    from entrypoint.peers import peers_of

    peers = peers_of(settings, profile.name, toolcall=toolcall, demonstration=demonstration)
    if peers and settings.holdout == holdout.VARY:
        allowed = "The reference answered the published items; compare with holdout: both, or off."
        raise UsageError([Problem(name="holdout", value=settings.holdout, allowed=allowed)])
    return peers


def _at_hand(
    benchmark: Benchmark, settings: Settings, profile: Profile, location: str, peers: Mapping[str, Peer]
) -> Loaded:
    """A benchmark with its samples, or without them where it is left out."""
    reason = not_asked(benchmark.id, settings, profile, settings.tier, location)
    if reason:
        return left_out(benchmark, profile, amount_at(settings, settings.tier), reason)
    return load_benchmark(benchmark, settings, profile, location=location, peers=peers)


def _checked_profile(settings: Settings, demonstration: Demonstration | None, *, sends: bool) -> Profile:
    problems = list(unpriced(settings))
    sends = sends and asks_a_model(settings)
    if not sends and not (settings.profile or settings.model):
        problems.append(Problem(name="profile", value="", allowed="Required: the profile, or a model of its name."))
    if sends and demonstration is None:
        for name, value in (("base-url", settings.base_url), ("model", settings.model)):
            if not value:
                variable = "KVV_" + name.upper().replace("-", "_")
                problems.append(Problem(name=name, value="", allowed=f"Required: as input, --{name} or {variable}."))
    if settings.shard and settings.baseline:
        whole = "A shard is a part of a run; compare what kvv merge makes of all of them."
        problems.append(Problem(name="baseline", value=settings.baseline, allowed=whole))
    profile = None
    if settings.profile or settings.model:
        with _collected(problems):
            profile = load_profile(settings)
    if profile is not None:
        with _collected(problems):
            check_thinking(profile.thinking, settings.think_mode, settings.effort)
        with _collected(problems):
            problems += _uncompared(settings, chosen_benchmarks(settings, profile))
        problems += _overridden(settings, profile)
    if problems or profile is None:
        raise UsageError(problems)
    return profile


def _uncompared(settings: Settings, names: Sequence[str]) -> Iterator[Problem]:
    """A live reference that nobody would ask."""
    if settings.reference_base_url and COMPARING not in names:
        allowed = (
            f"Only {COMPARING} asks a live reference, and it is not among the benchmarks ({', '.join(names)}). Add it, "
            "or verify the reference by itself and give its out folder as baseline."
        )
        yield Problem(name="reference-base-url", value=settings.reference_base_url, allowed=allowed)


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
        extra_headers=tuple(sorted(settings.extra_headers)),
    )


def _reference(settings: Settings, options: Options) -> EndpointInfo | None:
    """The live reference; it is asked without the vendor's extra body and headers."""
    if not settings.reference_base_url:
        return None
    return EndpointInfo(
        vendor=urlsplit(settings.reference_base_url).hostname or "",
        base_url=settings.reference_base_url,
        model=options.reference_model,
        think_mode=settings.think_mode,
        effort=settings.effort,
        stream=settings.stream,
    )


def provenance(github: Mapping[str, str]) -> Provenance:
    """Versions of everything that took part."""
    return Provenance(
        version=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: metadata.version(name) for name in PACKAGES},
        github=dict(github),
        image=context.image() or own_image(),
    )
