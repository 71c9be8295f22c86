"""A question about a picture in other words; what is asked, and what counts as right, stays the same."""

from collections.abc import Mapping
from random import Random

KIE = " Answer this question using the text in the image directly."

KNOWN: Mapping[str, tuple[str, ...]] = {
    "what is written in the image?": (
        "Read the text in this picture.",
        "Which text does the picture show?",
        "Write down what can be read in the image.",
        "What does the text in this image say?",
    ),
    "what is the number in the image?": (
        "Which number does this picture show?",
        "Read the number in the image.",
        "Write down the digits that can be seen in the picture.",
    ),
    "Please write out the expression of the formula in the image using LaTeX format.": (
        "Transcribe the formula in this picture as LaTeX.",
        "Give the mathematical expression shown in the image in LaTeX.",
        "Write the formula that the picture shows in LaTeX notation.",
    ),
}
"""The questions that a thousand records share."""

FRAMES = (
    "Please look at the picture and answer this: {}",
    "A question about the image: {}",
    "{} Please answer from what the picture shows.",
    "Have a look at the image. {}",
)
"""Around any other question."""

KIE_FRAMES = (
    "{} Reply with the words as they stand in the picture.",
    "Answer with text that is in the image: {}",
    "{} Take the answer literally from the picture.",
)
"""In place of the instruction that ends the questions of Key Information Extraction."""


def reworded(question: str, draw: Random) -> str:
    """The question in other words."""
    if question in KNOWN:
        return draw.choice(KNOWN[question])
    if question.endswith(KIE):
        return draw.choice(KIE_FRAMES).format(question.removesuffix(KIE))
    return draw.choice(FRAMES).format(question)
