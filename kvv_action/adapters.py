"""The pydantic adapters of records. A process builds each of them once: the one of a plan takes ten milliseconds."""

from typing import Any, TypeVar

from pydantic import TypeAdapter

_BUILT: dict[type[Any], TypeAdapter[Any]] = {}
Record = TypeVar("Record")


def adapter(kind: type[Record]) -> TypeAdapter[Record]:
    """What reads and describes records of a class."""
    if kind not in _BUILT:
        _BUILT[kind] = TypeAdapter(kind)
    return _BUILT[kind]
