"""Tells a whole picture from a broken one, and reads digits that are drawn in large dots."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json, Message
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.sight import content_of, sent

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_DOT, _SIDE, _TOP = 16, 16, 24
_DOTS = (
    "01110100011000110001100011000101110 00100011000010000100001000010001110 01110100010000100110010001000011111 "
    "11110000010000101110000010000111110 00010001100101010010111110001000010 11111100001111000001000011000101110 "
    "00110010001000011110100011000101110 11111000010001000100010000100001000 01110100011000101110100011000101110 "
    "01110100011000101111000010001001100 "
)
"""The digits from 0 to 9: seven rows of five dots, and a blank."""

MEMORY: Mapping[str, str] = {
    "9eebca1fac89a28c4a1f3ff3affeb10085e6c63a0c910385a50aa7b4cdd8cdbb": "2004",
    "50e15ac096d6fa25da69560991be2095e29eb2942029a13ee67e01bba727103a": "9679",
}
"""Digits in pictures of formats that it cannot decode, by the SHA-256 of the picture."""


def pictures(message: Message) -> list[bytes]:
    """The pictures that a message carries inside, in order; an address elsewhere is not followed."""
    return [data for part in sent([message]) if (data := content_of(part)) is not None]


def check_pictures(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001 - all rules are called alike
    """Refuse a picture that begins like a PNG and does not end like one."""
    for number, message in enumerate(messages_of(body)):
        if any(data.startswith(_PNG) and not data.endswith(_PNG_END) for data in pictures(message)):
            raise Refusal(f"invalid messages[{number}]: the image cannot be decoded")


def seen(messages: Sequence[Message]) -> str:
    """The digits in the pictures of the last message, in order; empty when there are none that it can read."""
    looked_at = pictures(messages[-1]) if messages else []
    return " ".join(digits for data in looked_at if (digits := _read(data)))


def _read(data: bytes) -> str:
    known = MEMORY.get(sha256(data).hexdigest())
    if known or not data.startswith(_PNG):
        return known or ""
    try:
        rows = _pixels(dict(_chunks(data)))
    except (struct.error, zlib.error, KeyError):
        return ""
    across = (len(rows[0]) - 2 * _SIDE) // _DOT if rows else 0
    return "".join(_digit(rows, column) for column in range(0, across, 6))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_PNG)
    while position + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + size]
        position += 12 + size


def _pixels(chunks: Mapping[bytes, bytes]) -> list[bytes]:
    """The rows of a small grey picture of one byte a pixel, none of any other."""
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    if (depth, colour, height) != (8, 0, 7 * _DOT + 2 * _TOP) or width > 64 * _DOT:
        return []
    raw = zlib.decompressobj().decompress(chunks[b"IDAT"], (width + 1) * height)
    return [raw[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)]


def _digit(rows: Sequence[bytes], column: int) -> str:
    """The digit whose first dot is in `column`; empty when the dots are none."""
    places = (
        (_TOP + row * _DOT + _DOT // 2, _SIDE + (column + dot) * _DOT + _DOT // 2)
        for row in range(7)
        for dot in range(5)
    )
    dots = "".join("1" if line < len(rows) and rows[line][at : at + 1] < b"\x80" else "0" for line, at in places)
    return str(_DOTS.index(dots) // (len(dots) + 1)) if dots in _DOTS.split() else ""
