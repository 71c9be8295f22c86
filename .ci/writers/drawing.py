"""What the scripts that draw bundled pictures share: typeface, canvas, small files, and the folder they go into."""

import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK = "white", "black"

Draw = Callable[[], Image.Image]


def font(size: float) -> ImageFont.FreeTypeFont:
    """The typeface that comes with Pillow, so that every machine has it."""
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def canvas(width: int = 320, height: int = 240, colour: str = WHITE) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty picture and the pen for it."""
    image = Image.new("RGB", (width, height), colour)
    return image, ImageDraw.Draw(image)


def encoded(image: Image.Image, format_name: str, webp: Mapping[str, object]) -> bytes:
    """The picture as a small file.

    Args:
        image: as drawn.
        format_name: Pillow's name of the file format.
        webp: how WebP is written: `quality`, or `lossless`.
    """
    out = io.BytesIO()
    match format_name:
        case "JPEG":
            image.save(out, "JPEG", quality=88)
        case "WEBP":
            image.save(out, "WEBP", method=6, **webp)
        case _:
            image.quantize(32, dither=Image.Dither.NONE).save(out, format_name, optimize=True)
    return out.getvalue()


def file_name(stem: str, format_name: str) -> str:
    """Where a picture goes below the folder of samples."""
    return f"images/{stem}.{format_name.lower().replace('jpeg', 'jpg')}"


def begin(folder: Path) -> None:
    """An empty folder for pictures; what was there before goes."""
    shutil.rmtree(folder / "images", ignore_errors=True)
    (folder / "images").mkdir(parents=True)


def finish(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """The rows that belong to the pictures."""
    (folder / "samples.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
