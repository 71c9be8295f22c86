"""Checks the arguments of a tool call against the tool's JSON Schema.

Compiled schemas are kept, a remote `$ref` is never fetched. It is also the program of the worker process in which risky
schemas are tried, so it imports nothing of this project.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

NOT_JSON = "not-json"
EMPTY = "empty-arguments"
MISSING = "missing-required"
WRONG_TYPE = "wrong-type"
EXTRA = "extra-property"
OTHER = "other-violation"
UNUSABLE = "unusable-schema"
DUPLICATES = "duplicate-keys"
_KINDS = {
    "required": MISSING,
    "dependentRequired": MISSING,
    "type": WRONG_TYPE,
    "additionalProperties": EXTRA,
    "unevaluatedProperties": EXTRA,
}
MOST_ERRORS = 20
COMPILED = 1024
"""Schemas kept ready; one takes some kilobytes."""

Report = dict[str, Any]


@lru_cache(maxsize=COMPILED)
def compiled(schema: bytes) -> Any:
    """The validator for a schema given as JSON text.

    The draft is the one that `$schema` names, else 2020-12, as `jsonschema.validate` chooses it. References are looked
    up in the schema itself and among the published meta-schemas only.

    Raises:
        jsonschema.SchemaError: it is not a schema.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY

    document = json.loads(schema)
    kind = validator_for(document, default=Draft202012Validator)
    kind.check_schema(document)
    return kind(document, registry=REGISTRY)


def check(schema: bytes, arguments: str) -> Report:
    """Whether `arguments` is JSON that `schema` allows, as K2VV's `validate_tool_call` decides it.

    Returns:
        `valid`; `kinds`, each way in which it is wrong, once; `message`, the first one in words. Repeated keys are told
        although they are valid JSON, because readers differ in which value they take.
    """
    if not arguments.strip():
        return _wrong(EMPTY, "the arguments are empty")
    try:
        instance = json.loads(arguments)
    except (ValueError, RecursionError) as error:
        return _wrong(NOT_JSON, f"{type(error).__name__}: {error}"[:200])
    try:
        errors = _first(compiled(schema).iter_errors(instance))
    except Exception as error:  # noqa: BLE001 - a schema that cannot be used accepts nothing, as in K2VV
        return _wrong(UNUSABLE, f"{type(error).__name__}: {' '.join(str(error).split())}"[:200])
    kinds = list(dict.fromkeys(_kind(error) for error in errors))
    message = f"{errors[0].json_path}: {errors[0].message}"[:200] if errors else ""
    return {"valid": not errors, "kinds": kinds + _repeated(arguments), "message": message}


def _wrong(kind: str, message: str) -> Report:
    return {"valid": False, "kinds": [kind], "message": message}


def _first(errors: Iterator[Any]) -> list[Any]:
    found = []
    for error in errors:
        found.append(error)
        if len(found) == MOST_ERRORS:
            break
    return found


def _kind(error: Any) -> str:
    """What a violation is about; of alternatives, those decide that match most of the value, if they agree."""
    leaves = list(_leaves(error))
    farthest = max(len(leaf.absolute_path) for leaf in leaves)
    kinds = {_KINDS.get(str(leaf.validator), OTHER) for leaf in leaves if len(leaf.absolute_path) == farthest}
    return kinds.pop() if len(kinds) == 1 else OTHER


def _leaves(error: Any) -> Iterator[Any]:
    if not error.context:
        yield error
    for inner in error.context:
        yield from _leaves(inner)


def _repeated(arguments: str) -> list[str]:
    """`duplicate-keys` when an object names a key twice."""
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in items}) != len(items):
            found.append(DUPLICATES)

    json.loads(arguments, object_pairs_hook=pairs)
    return found[:1]


def warm() -> None:
    """Import the library."""
    import jsonschema  # noqa: F401


def answer(request: dict[str, str]) -> Report:
    """Check `arguments` against `schema`."""
    try:
        return check(request["schema"].encode(), request["arguments"])
    except RecursionError:
        return _wrong(UNUSABLE, "nested too deeply")
