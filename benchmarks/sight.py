"""What benchmarks with pictures let a user choose alike."""

from typing import ClassVar, Literal

from kvv_action.options import BenchmarkOptions, Kept, choice


class PictureOptions(BenchmarkOptions):
    """How pictures are sent.

    Attributes:
        image_encoding: `original` sends pictures byte for byte, `jpeg` encodes them again as upstream does.
    """

    behind: ClassVar[str] = "tokenizer"
    image_encoding: Literal["original", "jpeg"] = choice(
        "original",
        "How pictures are sent: byte for byte, or encoded again as JPEG, as Kimi-Vendor-Verifier does.",
        group="plan",
        kept=Kept.ALWAYS,
        wording=True,
    )
