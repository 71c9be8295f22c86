"""Pictures that the vision probes show: four large digits, black on white.

A PNG is drawn on the spot. JPEG and WebP are files beside this module, because writing them takes a library that
nothing else here needs; `uv run --with pillow python -m benchmarks.precheck.picture` draws them again.
"""

import base64
import struct
import zlib
from collections.abc import Mapping
from hashlib import blake2b
from importlib import import_module
from importlib.resources import files

DIGITS: Mapping[str, str] = {
    "0": "01110 10001 10001 10001 10001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "11110 00001 00001 01110 00001 00001 11110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 01000 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
}
"""Seven rows of five dots for each digit."""
DOT = 16
"""Pixels of a dot's side."""
SIDE, TOP = 16, 24
"""Pixels of white beside the digits, and above and below them."""
SIZE = 23 * DOT + 2 * SIDE, 7 * DOT + 2 * TOP
"""Pixels of a picture of four digits: width and height."""
FORMATS: Mapping[str, str] = {"jpeg": "JPEG", "webp": "WEBP"}
"""Media subtypes of the pictures that are files, and Pillow's names for them."""


def number(label: str) -> str:
    """Four digits for `label`, always the same, so that a resumed run asks the same."""
    return f"{int.from_bytes(blake2b(label.encode(), digest_size=8).digest()) % 9000 + 1000}"


def draw(digits: str) -> bytes:
    """A PNG of `digits`: 400 x 160 pixels for four of them, grey, a few hundred bytes."""
    rows = [" ".join(line) for line in zip(*(DIGITS[digit].split() for digit in digits), strict=True)]
    inked = [b"".join((b"\x00" if dot == "1" else b"\xff") * DOT for dot in row.replace(" ", "0")) for row in rows]
    margin = b"\xff" * SIDE
    width = len(inked[0]) + 2 * SIDE
    white = b"\x00" + b"\xff" * width
    body = b"".join((b"\x00" + margin + line + margin) * DOT for line in inked)
    return _png(width, 7 * DOT + 2 * TOP, white * TOP + body + white * TOP)


def blank(side: int) -> bytes:
    """A white PNG, as small as one can be."""
    return _png(side, side, (b"\x00" + b"\xff" * side) * side)


def _png(width: int, height: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(rows, 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def stored(kind: str) -> bytes:
    """The picture of `number(kind)` in one of `FORMATS`."""
    return (files("benchmarks.precheck") / "pictures" / f"digits.{kind}").read_bytes()


def data_url(data: bytes, kind: str) -> str:
    """`data` as the address of a picture inside a request."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def main() -> None:
    """Draw the pictures that are files; needs Pillow."""
    from io import BytesIO

    image = import_module("PIL.Image")
    for kind, name in FORMATS.items():
        written = BytesIO()
        image.open(BytesIO(draw(number(kind)))).convert("RGB").save(written, name, quality=90)
        with open(str(files("benchmarks.precheck") / "pictures" / f"digits.{kind}"), "wb") as out:  # noqa: PTH123
            out.write(written.getvalue())


if __name__ == "__main__":
    main()
