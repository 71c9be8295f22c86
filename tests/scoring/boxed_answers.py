"""Generated answers that end in one box with a whole number, in good and in odd surroundings."""

from collections.abc import Iterator
from random import Random
from typing import Any

from kvv_action.scoring.boxed import BoxedNumber

HEADS = (
    "So we get", "The final answer is", "Final Answer:", "**Final Answer**\n\n", "the final answer, if $x$ is",
    "we set $x=3$", "\\[ a = \\frac{1}{2} \\]", "\\(y\\)", "a 50% share", "costs $5 each", "[ 3 ]", " = 7",
    "Answer: 12", "answer is 1/2", "I hope", "final answer is 5. I hope it is correct.", "{", "}", "\n\n", "\n", "$",
    "$$", "\\[", "\\(", "\\$", " [ ", "and", "or", ",", "x = ", "42", "1,234", "\\text{cm}", "is:", "is",
    "so the final answer that we found is", "\\frac{1}{2}", "the answer: ", "100 percent", "-", "**", "人口", "\\left[",
    "\\begin{matrix}", "f", "{,}", "=", "2^{10}", "is $1$ and", "final\nanswer",
)  # fmt: skip
CLOSES = {"": "", "$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)", "\\[\n": "\n\\]", " ": ""}
TAILS = (
    "", "", ".", "\n", "**", ". ", "*.", "!", ".\n\nDone", " 3", "$", "\\]", "\\)", "}", "\\%", "%", "\n\n", " I hope",
)  # fmt: skip


def boxed_answers(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Targets and answers."""
    chance = Random(seed)
    for _ in range(count):
        kinds = (chance.randrange(1000), chance.randrange(10**9))
        number = chance.choice((str(kinds[0]), str(kinds[1]), f"{kinds[0] % 100:03d}", f"{kinds[0] % 10:04d}"))
        target = chance.choice((number, str(int(number)), str(chance.randrange(1000))))
        opening = chance.choice(list(CLOSES))
        head = chance.choice((" ", "", "\n")).join(chance.choices(HEADS, k=chance.randrange(5)))
        before = head + chance.choice((" ", "", "\n")) + opening + chance.choice(("", "", "x=", "a+b = "))
        after = chance.choice((CLOSES[opening], CLOSES[opening], "")) + chance.choice(TAILS)
        yield target, f"{before}\\boxed{{{number}}}{after}"


PLAIN = (
    "\\boxed{%s}",
    "The final answer is $\\boxed{%s}$.", "**Final Answer**\n\n\\boxed{%s}", "so\n\\[\n\\boxed{%s}\n\\]\n",
    "Thus $m+n = \\boxed{%s}$", "We set $x=3$ and $y=\\frac{1}{2}$, so the sum is\n\n$$\\boxed{%s}$$",
)  # fmt: skip
"""What nearly all answers look like."""


def in_words_of_the_worker(found: BoxedNumber) -> dict[str, Any]:
    """A judgement as the library's process writes it."""
    return {"value": float(found.right), "answer": found.answer, "unparsed": False}
