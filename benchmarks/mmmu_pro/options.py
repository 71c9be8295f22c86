"""What can be chosen of MMMU Pro."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from benchmarks.sight import PictureOptions
from kvv_action.options import Kept, choice
from kvv_action.settings import Names

PARTS = ("standard10", "standard4", "vision")


def _parts(value: tuple[str, ...]) -> tuple[str, ...]:
    """Names of parts of MMMU Pro, in its own order."""
    if not value or any(name not in PARTS for name in value):
        raise ValueError(f"Use any of: {', '.join(PARTS)}.")
    return tuple(name for name in PARTS if name in value)


class MmmuProOptions(PictureOptions):
    """Which parts are asked, and how.

    Attributes:
        image_placement: `first` sends pictures before the text, `interleaved` at their `<image N>`.
        mmmu_prompt: `cot` asks to think step by step, `direct` for the letter alone.
        mmmu_parts: which parts are asked.
    """

    image_placement: Literal["first", "interleaved"] = choice(
        "first",
        "Where the pictures of MMMU Pro stand: before the text, as Kimi-Vendor-Verifier does, or at their <image N>.",
        group="plan",
        kept=Kept.ALWAYS,
        wording=True,
    )
    mmmu_prompt: Literal["cot", "direct"] = choice(
        "cot",
        "MMMU Pro's prompt: think step by step, or answer with the letter alone.",
        group="plan",
        kept=Kept.ALWAYS,
        wording=True,
    )
    mmmu_parts: Annotated[Names, AfterValidator(_parts)] = choice(
        ("standard10", "vision"),
        "Parts of MMMU Pro: standard10, standard4, vision. Default: standard10, vision.",
        group="plan",
        metavar="PART,PART",
        kept=Kept.ALWAYS,
        wording=True,
        data=True,
        deciding=True,
    )
