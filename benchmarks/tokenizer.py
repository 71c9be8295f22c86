"""Loads the tokenizer of Kimi's models: tiktoken, with their model file and their way to split text.

The file holds a token in base64 and its rank on each line. The split is that of `tokenization_kimi.py`, which
Moonshot publishes beside every model of the K2 and K3 families; the file and the split are the same in all of them.
Special tokens are not known here: what a user writes is always plain text.
"""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kvv_action.errors import Problem, UsageError, in_words, refusal

if TYPE_CHECKING:
    import tiktoken

_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
_BEFORE, _ENDING = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
SPLIT = "|".join((
    r"[\p{Han}]+",
    f"{_BEFORE}{_UPPER}*{_LOWER}+{_ENDING}",
    f"{_BEFORE}{_UPPER}+{_LOWER}*{_ENDING}",
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
))  # fmt: skip
"""Runs of Han characters, words with the sign before them, numbers of three digits, punctuation, white space."""


def load(path: str) -> "tiktoken.Encoding":
    """The tokenizer of a tiktoken model file; `encode_ordinary` is what counts a user's text.

    Raises:
        UsageError: the file cannot be read as one.
    """
    import tiktoken  # needed only by runs that name a tokenizer

    try:
        ranks = dict(_lines(Path(path).read_bytes()))
    except OSError as error:
        told = f"The file cannot be read: {refusal(error)}."
        raise UsageError([Problem(name="tokenizer", value=path, allowed=told)]) from None
    except ValueError as error:
        raise _unreadable(path, in_words(error)) from None
    if not all(bytes((byte,)) in ranks for byte in range(256)):
        raise _unreadable(path, "it does not hold every single byte")
    return tiktoken.Encoding("kimi", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})


def counter(path: str) -> Callable[[str], int]:
    """Counts the tokens of a text by the model file at `path`; raises as `load`."""
    encode = load(path).encode_ordinary
    return lambda text: len(encode(text))


def _lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line:
            continue
        try:
            token, rank = line.split()
            pair = base64.b64decode(token, validate=True), int(rank)
        except ValueError:
            raise ValueError(f"line {number} is not a token in base64 and its rank") from None
        yield pair


def _unreadable(path: str, why: str) -> UsageError:
    allowed = f"Not a tiktoken model file ({why}); use the tiktoken.model that lies beside the model's weights."
    return UsageError([Problem(name="tokenizer", value=path, allowed=allowed)])
