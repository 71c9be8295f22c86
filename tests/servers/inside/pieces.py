"""Pieces of words in several scripts, as the vocabulary of a large model has them."""

from itertools import product

SYLLABLES = (
    ("bcdfghklmnprstvz", "aeiou"),
    ("бвгдклмнпрст", "аеиоу"),
    ("βγδκλμνπρστ", "αεηιο"),
    ("بتجدرسعقلم", "اويةى"),
)
SINGLE = ((0x4E00, 160, 37), (0xAC00, 80, 131), (0x0E01, 40, 1), (0x3042, 40, 2))
"""First character, how many, and the step: Han, Hangul, Thai, Hiragana."""


WORDS = ["the", "sun", "is", "over", "hill", "and", "river", "runs", "down", "to", "sea", "while", "we", "sit", "here"]
"""Short words that are a token each in every vocabulary: prompts are made of them."""


def pieces(space: str) -> list[str]:
    """Each once; every second piece of an alphabet begins a word with `space`."""
    syllables = ["".join(pair) for letters in SYLLABLES for pair in product(*letters)]
    begun = [space + piece if place % 2 else piece for place, piece in enumerate(syllables)]
    words = [space + word for word in WORDS]
    return words + begun + [chr(first + step * at) for first, count, step in SINGLE for at in range(count)]
