"""The kinds of values in a profile, each with its bounds; the checks of a TOML file follow from them."""

import datetime
import json
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from kvv_action.schema import TIERS, Json

RESERVED = ("model", "messages", "stream")
"""Body fields that only the engine sets."""
NOT_JSON = "Must be a JSON value: no date, no nan, no inf."


def _json(value: Json) -> Json:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError(NOT_JSON) from None
    return value


def _unreserved(fields: dict[str, Json]) -> dict[str, Json]:
    taken = [name for name in RESERVED if name in fields]
    if taken:
        raise ValueError(f"Must not set {', '.join(taken)}: the run sets it.")
    return fields


def _tier(name: str) -> str:
    if name not in TIERS:
        raise ValueError(f"Must be one of {', '.join(TIERS)}.")
    return name


def _option(name: str) -> str:
    if not re.fullmatch(r"--[a-z0-9][a-z0-9_-]{0,60}", name):
        raise ValueError("Must be an option as its engine is given it: --tool-call-parser.")
    return name


def _word(text: str) -> str:
    if not re.fullmatch(r"[!-~]{1,120}", text):
        raise ValueError("Must be one word of at most 120 ASCII characters, without spaces.")
    return text


def _day(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Must be a day, as YYYY-MM-DD.") from None


Value = Annotated[Json, AfterValidator(_json)]
BodyFields = Annotated[dict[str, Value], AfterValidator(_unreserved)]
Text = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Epochs = Annotated[int, Field(ge=1, le=1024)]
Count = Annotated[int, Field(ge=1)]
EngineOption = Annotated[str, AfterValidator(_option)]
OptionValue = Annotated[str, AfterValidator(_word)]
WordTokens = Annotated[float, Field(ge=0.5, le=16)]
Tier = Annotated[str, AfterValidator(_tier)]
Day = Annotated[str, AfterValidator(_day)]
