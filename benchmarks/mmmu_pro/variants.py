"""A question with its options in another order and its instruction in other words.

Options that speak of one another ("all of the above", "both A and B") keep their order; the text of a screenshot cannot
be changed, so of the part `vision` only the instruction is.
"""

import re
from collections.abc import Mapping, Sequence
from random import Random

from kvv_action.scoring.choice import letters

REORDERED = "options re-ordered"
REWORDED = "instruction reworded"

DEPENDENT = re.compile(
    r"(?i:\b(all|none|any|some|both|neither|either|each|two|three|one)( \w+)? of\b"
    r"|\babove\b|\bbelow\b|\bpreceding\b|\bfollowing\b|\bboth\b|\bneither\b"
    r"|\bother (option|choice|answer)s?\b|\b(option|choice|answer|statement)s? \(?[a-l]\b)"
    r"|\b[A-L]\b\s*(,|/|&|\band\b|\bor\b)\s*\(?[A-L]\b"
    r"|^\W*(all|none|both|neither|either)\W*$",
    re.MULTILINE,
)
"""Words of an option that refer to other options; matching too many is better than too few."""
LETTERED = re.compile(r"(?i:\b(option|choice|answer)s?) \(?[A-L]\b")
"""A question that names an option by its letter."""

STANDARD: Mapping[str, tuple[str, ...]] = {
    "cot": (
        (
            "\n\nThis is a multiple-choice question. Reason step by step, and let the last line of your reply be "
            "'Answer: $LETTER' (without quotes), where LETTER is that of the right option."
        ),
        (
            "\n\nChoose the correct option. Think about it step by step first; then finish with a line of the form "
            "'Answer: $LETTER' (without quotes), LETTER being one of the options."
        ),
        (
            "\n\nWhich option is right? Explain your reasoning step by step. Your final line must read "
            "'Answer: $LETTER' (without quotes) with the letter of your choice."
        ),
    ),
    "direct": (
        "\nReply with nothing but the letter of the right option.",
        "\nGive only the letter of the correct choice.",
        "\nAnswer directly with the letter of one of the choices.",
    ),
}
VISION: Mapping[str, tuple[str, ...]] = {
    "cot": (
        (
            "The picture holds a multiple-choice question. Write the question down, then solve it step by step. Your "
            "final line must read 'Answer: $LETTER' (without quotes), where LETTER is one of the options."
        ),
        (
            "First transcribe the multiple-choice question that the image shows, then reason step by step to its "
            "answer. End with a line of the form 'Answer: $LETTER' (without quotes), LETTER being one of the options."
        ),
    ),
    "direct": (
        (
            "The picture holds a multiple-choice question. Reply directly, in the form 'Answer: $LETTER' (without "
            "quotes), where LETTER is one of the options."
        ),
        (
            "Answer the multiple-choice question in the image without explanation: 'Answer: $LETTER' (without quotes), "
            "LETTER being one of the options."
        ),
    ),
}
"""By `mmmu-prompt`, as in `prompts`."""


def phrasings(part: str, mode: str) -> tuple[str, ...]:
    """The instructions to choose from."""
    return (VISION if part == "vision" else STANDARD)[mode]


def free(question: str, options: Sequence[str]) -> bool:
    """Whether the order of the options means nothing."""
    return not LETTERED.search(question) and not any(DEPENDENT.search(option) for option in options)


def reordered(options: Sequence[str], target: str, draw: Random) -> tuple[tuple[str, ...], str] | None:
    """The options in another order and the letter that is right then; None when no other order can be told apart."""
    if len(set(options)) < 2:
        return None
    order = list(range(len(options)))
    while [options[place] for place in order] == list(options):
        draw.shuffle(order)
    right = order.index(letters(options).index(target))
    return tuple(options[place] for place in order), letters(options)[right]
