"""Numbers beside the score that show how the endpoint sees the pictures of a question.

Each is reported as its mean: `media_png` is the score over samples with PNG pictures, `chance` the score of guessing.
`kvv_action.verdict.sight` reads its diagnosis from these numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kvv_action.causes import named
from kvv_action.pictures import Size, check, media_type
from kvv_action.schema import Completion, Score

CHANCE = "chance"
ONE, SEVERAL = "pictures_one", "pictures_several"
MEDIA = "media_"
COARSE, FINE = "detail_coarse", "detail_fine"
COUNTED = "picture_tokens_counted"

UNCOUNTED = named(
    "prompt_tokens is too small to hold the picture",
    "count the tokens of pictures in usage, or find where pictures are dropped before the model",
)

_PIXELS = 28 * 28
"""Pixels that one token stands for in Kimi's vision encoder: patches of 14 x 14, merged two by two."""
_MOST = 64
"""Tokens that a picture of any size must at least reach; encoders may shrink pictures."""
_MARGIN = 0.5
_TOKENS_PER_WORD = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was sent with a question.

    Attributes:
        pictures: as bytes.
        text: all text of the message.
        chance: probability that a guess is right.
        detail: the sample's, empty when it is not known.
    """

    pictures: Sequence[bytes]
    text: str
    chance: float = 0.0
    detail: str = ""


def with_numbers(score: Score, shown: Shown, completion: Completion) -> Score:
    """The score with the numbers of its answer, and with the defect that they show."""
    found = numbers(shown, score.value, completion)
    cause, remedy = (UNCOUNTED.sentence, UNCOUNTED.remedy) if found.get(COUNTED) == 0.0 else ("", "")
    return replace(score, cause=cause, remedy=remedy, metrics={**score.metrics, **found})


def numbers(shown: Shown, value: float, completion: Completion) -> Mapping[str, float]:
    """The numbers of one answer with the given score."""
    found = {CHANCE: shown.chance, SEVERAL if len(shown.pictures) > 1 else ONE: value}
    found.update({MEDIA + media_type(picture).removeprefix("image/"): value for picture in shown.pictures})
    if shown.detail:
        found[FINE if shown.detail == "fine" else COARSE] = value
    counted = prompt_tokens(completion)
    if counted is not None:
        found[COUNTED] = float(counted >= least_tokens(shown))
    return found


def prompt_tokens(completion: Completion) -> int | None:
    """The prompt tokens that the endpoint counted; None when it gave no usable number."""
    count = (completion.usage or {}).get("prompt_tokens")
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def least_tokens(shown: Shown) -> float:
    """The fewest prompt tokens that text and pictures can take, whatever the tokenizer and the encoder."""
    words = _TOKENS_PER_WORD * len(shown.text.split())
    return words + sum(_MARGIN * tokens for tokens in map(_least, _sizes(shown)))


def _least(size: Size) -> float:
    return min(_MOST, size.width * size.height / _PIXELS)


def _sizes(shown: Shown) -> Iterator[Size]:
    return (check(picture, "picture") for picture in shown.pictures)
