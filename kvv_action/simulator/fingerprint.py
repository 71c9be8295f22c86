"""Digests of conversations, by which samples are found and random numbers are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from kvv_action.schema import Json

SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Digests of one list of messages.

    Attributes:
        whole: of all messages.
        openings: of every beginning by which a sample may be known, longest first: all messages,
            and those before each assistant message.
        beginnings: of the first message, of the first two, and so on.
    """

    whole: bytes
    openings: tuple[bytes, ...]
    beginnings: tuple[bytes, ...] = ()


def _canonical(value: Json) -> bytes:
    """`value` as JSON with sorted keys, so that the order of keys does not matter."""
    return orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS)


def fingerprint(messages: Json) -> Fingerprint:
    """Digest `messages`, which may be anything that JSON can hold."""
    digest = blake2b(digest_size=SIZE)
    if not isinstance(messages, list | tuple):
        digest.update(_canonical(messages))
        return Fingerprint(whole=digest.digest(), openings=())
    openings, beginnings = list[bytes](), list[bytes]()
    for position, message in enumerate(messages):
        if position and isinstance(message, Mapping) and message.get("role") == "assistant":
            openings.append(beginnings[-1])
        digest.update(_canonical(message))
        beginnings.append(digest.digest())
    whole = digest.digest()
    return Fingerprint(whole=whole, openings=(whole, *reversed(openings)), beginnings=tuple(beginnings))
