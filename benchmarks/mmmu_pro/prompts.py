"""The texts of a request, word for word as published scores were made with them."""

from collections.abc import Mapping, Sequence

from kvv_action.scoring.choice import letters

STANDARD: Mapping[str, str] = {
    "cot": (
        "\n\nAnswer the following multiple-choice question. The last line of your response should be of the following "
        "format: 'Answer: $LETTER' (without quotes) where LETTER is one of the options. "
        "Think step by step before answering."
    ),
    "direct": "\nAnswer with the option letter from the given choices directly.",
}
"""`cot`: MoonshotAI/Kimi-Vendor-Verifier (`mmmu_pro_vision.py`). `direct`: MMMU-Benchmark/MMMU (`prompts.yaml`)."""

VISION: Mapping[str, str] = {
    "cot": (
        "Write out the multiple-choice question in the image and then solve it. The last line of your response should "
        "be of the following format: 'Answer: $LETTER' (without quotes) where LETTER is one of options. "
        "Think step by step before answering."
    ),
    "direct": (
        "Answer with the option letter from the given choices directly. The last line of your response should be of "
        "the following format: 'Answer: $LETTER' (without quotes) where LETTER is one of options."
    ),
}
"""MMMU-Benchmark/MMMU (`mmmu-pro/prompts.yaml`)."""


def standard(question: str, options: Sequence[str], instruction: str) -> str:
    """Question, a line per option, instruction."""
    lines = "\n".join(f"{letter}. {option}" for letter, option in zip(letters(options), options, strict=True))
    return f"{question}\n{lines}{instruction}"
