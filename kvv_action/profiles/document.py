"""A profile from the content of its TOML files: strictly checked, completed, and identified by a digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from kvv_action.profiles import token_cases
from kvv_action.profiles.model import (
    BenchmarkRules,
    CallIds,
    Fact,
    ImmutableParameter,
    Profile,
    PublishedReference,
    TemplateNames,
    ThinkingRequest,
    ThinkingRules,
    TierRules,
    TokenRules,
)
from kvv_action.schema import TIERS, Json

OURS = ("name", "digest")
"""What a profile has that its files do not say."""


def _document() -> type[BaseModel]:
    """The keys of a file: those of a profile, and the version of their form."""
    kinds = get_type_hints(Profile, include_extras=True)
    own: dict[str, Any] = {one.name: (kinds[one.name], one) for one in fields(Profile) if one.name not in OURS}
    version = Annotated[Literal[1], Field(alias="schema")]
    strictly = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    return create_model("Document", __config__=strictly, schema_version=version, **own)


Document = _document()

LATER: Mapping[str, Json] = {
    "markers": [],
    "served_names": [],
    "call_ids": {"format": "", "official": "failure", "compatible": "failure"},
    "tokens": {"cases": "", "measured": True},
    "surfaces": [],
    "facts": [],
    "reference_pack": "",
    "refusals": [],
    "output_limit": None,
    "contract_levels": {},
    "engine_options": {},
    "word_tokens": 1.0,
}
LATER_THINKING: Mapping[str, Json] = {
    "switch_open": False,
    "strict": False,
    "effort_alone": False,
    "adaptive": False,
    "effort_range": None,
    "effort_untold": False,
    "request": asdict(ThinkingRequest()),
    "template": asdict(TemplateNames()),
    "answer_field": "reasoning_content",
    "inline": None,
}
LATER_PARAMETER = ("open", "open_without_thinking")
LATER_BENCHMARK = ("reference_file",)
LATER_REFERENCE = ("effort",)
"""Keys that earlier profiles do not have; of a whole table with its defaults."""


TABLES: Mapping[tuple[str | int, ...], type] = {
    ("thinking",): ThinkingRules,
    ("thinking", "request"): ThinkingRequest,
    ("thinking", "template"): TemplateNames,
    ("call_ids",): CallIds,
    ("tokens",): TokenRules,
}
"""Records by the place of their table."""


def keys_at(loc: tuple[str | int, ...]) -> tuple[str, ...]:
    """The valid keys of the table at `loc`, for hints."""
    if not loc:
        return ("extends", *(field.alias or name for name, field in Document.model_fields.items()))
    match loc:
        case ("parameters", _):
            table: type = ImmutableParameter
        case ("facts", _):
            table = Fact
        case ("benchmarks", _, "reference"):
            table = PublishedReference
        case ("benchmarks", _, "tiers", _):
            table = TierRules
        case _:
            table = TABLES.get(loc, BenchmarkRules)
    assert is_dataclass(table)
    return tuple(field.name for field in fields(table))


def digest(document: BaseModel) -> str:
    """SHA-256 of the content as canonical JSON, defaults written out but for those of keys that came later.

    A profile that uses none of these keeps the digest that it had before they were known.
    """
    content = document.model_dump(mode="json", by_alias=True)
    for table, defaults in ((content, LATER), (content["thinking"], LATER_THINKING)):
        for key, usual in defaults.items():
            if table[key] == usual:
                del table[key]
    for table, keys in (
        *((one, LATER_PARAMETER) for one in content["parameters"]),
        *((one, LATER_BENCHMARK) for one in content["benchmarks"].values()),
        *((one["reference"], LATER_REFERENCE) for one in content["benchmarks"].values() if one["reference"]),
    ):
        for key in keys:
            if not table[key]:
                del table[key]
    cases = content.get("tokens", {}).get("cases", "")
    if cases.endswith(token_cases.SUFFIX):  # what a file says, and not where it lies
        content["tokens"]["cases"] = hashlib.sha256(Path(cases).read_bytes()).hexdigest()
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_profile(name: str, document: BaseModel) -> Profile:
    """The profile of a valid document, with all that follows from its keys."""
    said = {one.name: getattr(document, one.name) for one in fields(Profile) if one.name not in OURS}
    profile = Profile(name=name, digest=digest(document), **said)
    return replace(
        profile,
        parameters=tuple(map(_parameter, profile.parameters)),
        benchmarks={
            id_: _benchmark(rules, profile.thinking.default_effort) for id_, rules in profile.benchmarks.items()
        },
        call_ids=replace(profile.call_ids, format=profile.call_ids.format or profile.tool_call_id),
    )


def _parameter(said: ImmutableParameter) -> ImmutableParameter:
    return said if said.thinking_value is not None else replace(said, thinking_value=said.value)


def _benchmark(said: BenchmarkRules, default_effort: str) -> BenchmarkRules:
    """All three tiers exist, each with a number of epochs; a reference without effort is of the default."""
    tiers = {name: said.tiers.get(name, TierRules()) for name in TIERS}
    reference = said.reference
    return replace(
        said,
        tiers={name: replace(tier, epochs=tier.epochs or said.epochs) for name, tier in tiers.items()},
        reference=replace(reference, effort=reference.effort or default_effort) if reference is not None else None,
    )
