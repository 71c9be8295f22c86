"""Pictures as bytes: their format, size and damage, and their form in a request.

Pictures are sent byte for byte as in the dataset; only `as_jpeg` decodes one.
"""

import base64
import io
import struct
import zlib
from dataclasses import dataclass

from kvv_action.errors import DatasetError

PNG, JPEG, GIF, WEBP, BMP, TIFF = (f"image/{name}" for name in ("png", "jpeg", "gif", "webp", "bmp", "tiff"))

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of frame headers, which contain the size."""
_END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


def media_type(content: bytes) -> str:
    """The media type by the first bytes; empty for an unknown format.

    MPO (several JPEGs in one file, from some cameras) counts as JPEG, as for every reader.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    return next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), "")


def check(content: object, where: str) -> Size:
    """The size of a picture, after checking that it is undamaged.

    Args:
        content: the bytes.
        where: dataset, record and column, for messages.

    Raises:
        DatasetError: not bytes, of an unknown format, or damaged.
    """
    if not isinstance(content, bytes) or not content:
        raise DatasetError(f"{where}: there is no picture")
    kind = media_type(content)
    if not kind:
        raise DatasetError(
            f"{where}: not a picture (begins with {content[:8].hex(' ')}); known are png, jpeg, gif, webp, bmp and tiff"
        )
    try:
        size = _SIZES[kind](content)
    except (struct.error, IndexError, ValueError) as error:
        raise DatasetError(f"{where}: damaged {kind} of {len(content)} bytes ({error})") from error
    if not (size.width and size.height):
        raise DatasetError(f"{where}: damaged {kind}: {size.width} x {size.height} pixels")
    return size


def _png(content: bytes) -> Size:
    """Walk the chunks up to IEND, and check that each is complete with the right checksum."""
    place, size = 8, Size(width=0, height=0)
    while True:
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 8 + length
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[place + 4 : end]) != checksum:
            raise ValueError(f"checksum of chunk {name!r}")
        if name == b"IHDR":
            size = Size(**dict(zip(("width", "height"), struct.unpack_from(">II", content, place + 8), strict=True)))
        if name == b"IEND":
            return size
        place = end + 4


def _jpeg(content: bytes) -> Size:
    """Walk the segments up to the frame header, and check for the end marker."""
    if content.rfind(_END_OF_IMAGE) < 0:
        raise ValueError("it ends before the end of the image")
    place = 2
    while True:
        if content[place] != 0xFF:
            raise ValueError("no marker where one is due")
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return Size(width=width, height=height)
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]


def _gif(content: bytes) -> Size:
    if content.rstrip(b"\0")[-1:] != b";":
        raise ValueError("it has no trailer")
    width, height = struct.unpack_from("<HH", content, 6)
    return Size(width=width, height=height)


def _webp(content: bytes) -> Size:
    if len(content) < struct.unpack_from("<I", content, 4)[0] + 8:
        raise ValueError("it is shorter than its header says")
    match content[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return Size(width=width & 0x3FFF, height=height & 0x3FFF)
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            return Size(width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width, height = (int.from_bytes(content[place : place + 3], "little") + 1 for place in (24, 27))
            return Size(width=width, height=height)
        case chunk:
            raise ValueError(f"unknown chunk {chunk!r}")


def _bmp(content: bytes) -> Size:
    if len(content) < struct.unpack_from("<I", content, 2)[0]:
        raise ValueError("it is shorter than its header says")
    width, height = struct.unpack_from("<ii", content, 18)
    return Size(width=width, height=abs(height))


def _tiff(content: bytes) -> Size:
    order = "<" if content[:2] == b"II" else ">"
    (place,) = struct.unpack_from(order + "I", content, 4)
    (entries,) = struct.unpack_from(order + "H", content, place)
    found: dict[int, int] = {}
    for number in range(entries):
        tag, kind, _, value = struct.unpack_from(order + "HHI4s", content, place + 2 + 12 * number)
        if tag in (256, 257):
            found[tag] = struct.unpack(order + ("H2x" if kind == 3 else "I"), value)[0]
    return Size(width=found.get(256, 0), height=found.get(257, 0))


_SIZES = {PNG: _png, JPEG: _jpeg, GIF: _gif, WEBP: _webp, BMP: _bmp, TIFF: _tiff}


def data_url(content: bytes) -> str:
    """The picture as a `data:` URL, with the media type of its bytes."""
    return f"data:{media_type(content)};base64,{base64.b64encode(content).decode()}"


def part(content: bytes) -> dict[str, object]:
    """The picture as one part of a chat message."""
    return {"type": "image_url", "image_url": {"url": data_url(content)}}


def as_jpeg(content: bytes) -> bytes:
    """The picture re-encoded as JPEG, as MoonshotAI/Kimi-Vendor-Verifier sends every picture.

    This is lossy; transparency and palettes become plain RGB.

    Raises:
        DatasetError: the picture cannot be decoded.
    """
    from PIL import Image

    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content)) as image:
            plain = image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")
            plain.save(out, format="JPEG")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"a {media_type(content)} of {len(content)} bytes cannot be decoded ({error})") from error
    return out.getvalue()
