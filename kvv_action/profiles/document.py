"""The TOML schema of a profile, and its conversion to records."""

import datetime
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kvv_action.profiles import token_cases
from kvv_action.profiles.model import (
    BenchmarkRules,
    CallIds,
    Contract,
    Fact,
    ImmutableParameter,
    Profile,
    Surface,
    ThinkingRules,
    TierRules,
    TokenRules,
)
from kvv_action.schema import Json, Reference, Severity

TierName = Literal["smoke", "standard", "full"]

CONTRACTS = tuple(contract.value for contract in Contract)
TIERS: tuple[str, ...] = get_args(TierName)
RESERVED = ("model", "messages", "stream")
"""Body fields that only the engine sets."""


def _json(value: Json) -> Json:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("Must be a JSON value: no date, no nan, no inf.") from None
    return value


def _unreserved(fields: dict[str, Json]) -> dict[str, Json]:
    taken = [name for name in RESERVED if name in fields]
    if taken:
        raise ValueError(f"Must not set {', '.join(taken)}: the run sets it.")
    return fields


def _cases(name: str) -> str:
    if name and not name.endswith(token_cases.SUFFIX) and name not in token_cases.names():
        raise ValueError(f"Must be one of {', '.join(token_cases.names())}.")
    if name:
        token_cases.load(name)
    return name


Value = Annotated[Json, AfterValidator(_json)]
BodyFields = Annotated[dict[str, Value], AfterValidator(_unreserved)]
Text = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Epochs = Annotated[int, Field(ge=1, le=1024)]
Count = Annotated[int, Field(ge=1)]
Range = Annotated[list[float], Field(min_length=2, max_length=2)]


class Table(BaseModel):
    """A TOML table that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ThinkingTable(Table):
    """`[thinking]`."""

    supported: bool
    switchable: bool = False
    default: bool = False
    keep: bool = False
    efforts: list[Text] = []
    default_effort: str = ""
    switch_open: bool = False
    strict: bool = False
    effort_alone: bool = False


class ParameterTable(Table):
    """`[[parameters]]`; `thinking_value` defaults to `value`."""

    name: Text
    value: Value
    thinking_value: Value = None
    rejected: list[Value] = []
    open: Range | None = None
    open_without_thinking: Range | None = None


class CallIdsTable(Table):
    """`[call_ids]`; `format` defaults to `tool_call_id`."""

    format: str = ""
    official: Annotated[Severity, Field(strict=False)] = Severity.FAILURE
    compatible: Annotated[Severity, Field(strict=False)] = Severity.FAILURE


class TokensTable(Table):
    """`[tokens]`."""

    cases: Annotated[str, AfterValidator(_cases)] = ""
    measured: bool = True


class FactTable(Table):
    """`[[facts]]`."""

    about: Annotated[list[Text], Field(min_length=1)]
    source: Text
    date: Annotated[datetime.date, Field(strict=False)]
    note: str = ""


class ReferenceTable(Table):
    """`[benchmarks.<id>.reference]`."""

    value: Fraction
    source: Text
    date: Annotated[datetime.date, Field(strict=False)]
    n: Count | None = None
    note: str = ""
    effort: str = ""


class TierTable(Table):
    """`[benchmarks.<id>.tiers]`, one entry per tier."""

    limit: Count | None = None
    epochs: Epochs | None = None
    only_named: bool = False


class BenchmarkTable(Table):
    """`[benchmarks.<id>]`."""

    sampling: BodyFields = {}
    without_thinking: BodyFields = {}
    thinking: bool | None = None
    epochs: Epochs = 1
    tiers: dict[TierName, TierTable] = {}
    reference: ReferenceTable | None = None
    margin: Fraction | None = None
    note: str = ""


class Document(Table):
    """A whole profile after merging."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    title: Text
    model: Text
    sources: list[Text] = []
    thinking: ThinkingTable
    parameters: list[ParameterTable] = []
    benchmarks: dict[str, BenchmarkTable]
    context_window: Count | None = None
    vision: bool = False
    contracts: list[Annotated[Contract, Field(strict=False)]] = []
    tool_call_id: str = ""
    prompt_tokens: dict[str, Count] = {}
    markers: list[Text] = []
    served_names: list[Text] = []
    call_ids: CallIdsTable = CallIdsTable()
    tokens: TokensTable = TokensTable()
    surfaces: list[Annotated[Surface, Field(strict=False)]] = []
    facts: list[FactTable] = []


LATER = ("markers", "served_names", "call_ids", "tokens", "surfaces", "facts")
LATER_THINKING = ("switch_open", "strict", "effort_alone")
LATER_PARAMETER = ("open", "open_without_thinking")
LATER_REFERENCE = ("effort",)
"""Keys that earlier profiles do not have."""


def keys_at(loc: tuple[str | int, ...]) -> tuple[str, ...]:
    """The valid keys of the table at `loc`, for hints."""
    match loc:
        case ():
            return ("extends", *(field.alias or name for name, field in Document.model_fields.items()))
        case ("thinking",):
            table: type[Table] = ThinkingTable
        case ("parameters", _):
            table = ParameterTable
        case ("call_ids",):
            table = CallIdsTable
        case ("tokens",):
            table = TokensTable
        case ("facts", _):
            table = FactTable
        case ("benchmarks", _, "reference"):
            table = ReferenceTable
        case ("benchmarks", _, "tiers", _):
            table = TierTable
        case _:
            table = BenchmarkTable
    return tuple(table.model_fields)


def digest(document: Document) -> str:
    """SHA-256 of the content as canonical JSON, defaults written out but for those of keys that came later.

    A profile that uses none of these keeps the digest that it had before they were known.
    """
    content = document.model_dump(mode="json", by_alias=True)
    for key in LATER:
        if getattr(document, key) == Document.model_fields[key].default:
            del content[key]
    for table, keys in (
        (content["thinking"], LATER_THINKING),
        *((one, LATER_PARAMETER) for one in content["parameters"]),
        *((one["reference"], LATER_REFERENCE) for one in content["benchmarks"].values() if one["reference"]),
    ):
        for key in keys:
            if not table[key]:
                del table[key]
    if document.tokens.cases.endswith(token_cases.SUFFIX):  # what a file says, and not where it lies
        content["tokens"]["cases"] = hashlib.sha256(Path(document.tokens.cases).read_bytes()).hexdigest()
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_profile(name: str, document: Document) -> Profile:
    """The profile record of a valid document."""
    return Profile(
        name=name,
        title=document.title,
        model=document.model,
        sources=tuple(document.sources),
        thinking=ThinkingRules(
            **document.thinking.model_dump(exclude={"efforts"}), efforts=tuple(document.thinking.efforts)
        ),
        parameters=tuple(map(_parameter, document.parameters)),
        benchmarks={
            id_: _benchmark(table, document.thinking.default_effort) for id_, table in document.benchmarks.items()
        },
        digest=digest(document),
        context_window=document.context_window,
        vision=document.vision,
        contracts=tuple(document.contracts),
        tool_call_id=document.tool_call_id,
        prompt_tokens=dict(document.prompt_tokens),
        call_ids=CallIds(
            format=document.call_ids.format or document.tool_call_id,
            official=document.call_ids.official,
            compatible=document.call_ids.compatible,
        ),
        tokens=TokenRules(**document.tokens.model_dump()),
        surfaces=tuple(document.surfaces),
        facts=tuple(map(_fact, document.facts)),
        markers=tuple(document.markers),
        served_names=tuple(document.served_names),
    )


def _fact(table: FactTable) -> Fact:
    return Fact(about=tuple(table.about), source=table.source, date=table.date.isoformat(), note=table.note)


def _parameter(table: ParameterTable) -> ImmutableParameter:
    thinking = table.thinking_value if "thinking_value" in table.model_fields_set else table.value
    return ImmutableParameter(
        name=table.name,
        value=table.value,
        thinking_value=thinking,
        rejected=tuple(table.rejected),
        open=_range(table.open),
        open_without_thinking=_range(table.open_without_thinking),
    )


def _range(bounds: list[float] | None) -> tuple[float, float] | None:
    return None if bounds is None else (bounds[0], bounds[1])


def _benchmark(table: BenchmarkTable, default_effort: str) -> BenchmarkRules:
    """The rules of one benchmark; a reference that names no effort was measured at the model's own."""
    tiers: dict[Any, TierTable] = {name: TierTable() for name in TIERS} | table.tiers
    return BenchmarkRules(
        sampling=dict(table.sampling),
        without_thinking=dict(table.without_thinking),
        thinking=table.thinking,
        epochs=table.epochs,
        tiers={
            name: TierRules(limit=tier.limit, epochs=tier.epochs or table.epochs, only_named=tier.only_named)
            for name, tier in tiers.items()
        },
        reference=None if table.reference is None else _reference(table.reference),
        reference_effort="" if table.reference is None else table.reference.effort or default_effort,
        margin=table.margin,
        note=table.note,
    )


def _reference(table: ReferenceTable) -> Reference:
    fields = table.model_dump(exclude={"date", "effort"})
    return Reference(**fields, date=table.date.isoformat())
