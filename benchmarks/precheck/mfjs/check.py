"""Checks untrusted JSON text against one of our schemas, within limits of size, depth and work."""

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.precheck.mfjs.nesting import deeper_than
from kvv_action.errors import Undecided
from kvv_action.schema import Json

if TYPE_CHECKING:
    from jsonschema import ValidationError

LONGEST = 200_000
"""Longer texts are not checked; no probe lets a model write so much."""
DEEPEST = 64
"""Levels of nesting of a value that are looked at."""
MOST_REFERENCES = 5_000
"""References that are followed for one value."""
_SHOWN = 200
_left: ContextVar[int] = ContextVar("references left to follow")
_ORDER = ("type", "required", "additionalProperties")


class SchemaFault(StrEnum):
    """Why a text does not fit a schema."""

    NOT_JSON = "not-json"
    NOT_VALID = "not-valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Why a text is not a value that a schema allows.

    Attributes:
        keyword: of the schema that does not hold; empty when the text is not JSON.
        text: for people.
    """

    fault: SchemaFault
    text: str
    keyword: str = ""


def complaint(text: str, schema: Mapping[str, Json]) -> Complaint | None:
    """What is wrong with `text`; None when it is JSON that `schema` allows.

    Raises:
        Undecided: the text is too long or too deeply nested, or too much work to check.
    """
    if len(text) > LONGEST:
        raise Undecided(f"{len(text)} characters are too many to check")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Complaint(fault=SchemaFault.NOT_JSON, text=f"not JSON ({error}): {shown(text)}")
    if deeper_than(value, DEEPEST):
        raise Undecided(f"more than {DEEPEST} levels of nesting are too many to check")
    return _invalid(value, schema)


def shown(text: str) -> str:
    """The beginning of a text, as evidence."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _invalid(value: Json, schema: Mapping[str, Json]) -> Complaint | None:
    _left.set(MOST_REFERENCES)
    errors = list(_validator()(schema).iter_errors(value))
    if not errors:
        return None
    error = _telling(errors)
    place = "/".join(map(str, error.absolute_path))
    return Complaint(
        fault=SchemaFault.NOT_VALID,
        keyword=str(error.validator),
        text=f"{shown(error.message)} (at /{shown(place)}, keyword {error.validator})",
    )


def _telling(errors: Sequence["ValidationError"]) -> "ValidationError":
    """The failure highest up in the value; of `anyOf`, that of the branch which comes closest."""
    error = min(errors, key=_rank)
    while error.context:
        branches: dict[object, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.relative_schema_path[0], []).append(inner)
        closest = min(branches.values(), key=lambda found: (len(found), any(one.validator == "type" for one in found)))
        error = min(closest, key=_rank)
    return error


def _rank(error: "ValidationError") -> tuple[int, int]:
    """Sorts failures, the most telling first: a wrong type comes before its consequences."""
    keyword = str(error.validator)
    return len(error.absolute_path), _ORDER.index(keyword) if keyword in _ORDER else len(_ORDER)


@cache
def _validator() -> Any:
    """A validator of Draft 2020-12 that counts the references it follows: in `anyOf`, each level multiplies them."""
    from jsonschema import Draft202012Validator, validators

    follow = Draft202012Validator.VALIDATORS["$ref"]

    def counted(validator: Any, reference: str, instance: Json, parent: Json) -> Iterator[Any]:
        left = _left.get() - 1
        if left < 0:
            raise Undecided(f"more than {MOST_REFERENCES} references are too many to follow")
        _left.set(left)
        yield from follow(validator, reference, instance, parent) or ()

    return validators.extend(Draft202012Validator, {"$ref": counted})  # type: ignore[no-untyped-call]
