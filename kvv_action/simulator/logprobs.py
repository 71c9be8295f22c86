"""Log probabilities as they are sent: in the form of chats, and in the form of completions of prompts."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from kvv_action.schema import Json
from kvv_action.simulator.speech import SpokenToken
from kvv_action.simulator.vocabulary import vocabulary

LEAST = -9999.0
"""Stands for the logarithm of zero, which JSON cannot hold."""


def of_chat(tokens: Sequence[SpokenToken], most: int) -> dict[str, Json]:
    """`logprobs` of a message or a delta, with the `most` likeliest tokens at each place."""
    content = [{**_entry(token.number, token), "top_logprobs": _likeliest(token, most)} for token in tokens]
    return {"content": content}


def _entry(number: int, token: SpokenToken) -> dict[str, Json]:
    raw = vocabulary()[number]
    return {"token": _text(raw), "logprob": _value(number, token), "bytes": list(raw)}


def _likeliest(token: SpokenToken, most: int) -> list[Json]:
    return [_entry(number, token) for number in _ranked(token, most)]


def _ranked(token: SpokenToken, most: int) -> list[int]:
    """The ids of the likeliest tokens, impossible ones left out."""
    from kvv_action.simulator.probabilities import ranked  # brings numpy

    return [number for number in ranked(token.logprobs, most) if math.isfinite(token.logprobs[number])]


def _value(number: int, token: SpokenToken) -> float:
    return max(float(token.logprobs[number]), LEAST)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def of_completion(tokens: Sequence[SpokenToken], most: int, *, start: int, first: bool) -> dict[str, Json]:
    """`logprobs` of a completion of a prompt.

    Args:
        tokens: in their order.
        most: likeliest tokens that are shown at each place.
        start: characters before these tokens.
        first: they begin with the first token of all, of which nothing can be said.
    """
    texts = [_text(token.raw) for token in tokens]
    known = [index > 0 or not first for index in range(len(tokens))]
    pairs = list(zip(tokens, known, strict=True))
    return {
        "tokens": texts,
        "token_logprobs": [_value(token.number, token) if said else None for token, said in pairs],
        "top_logprobs": [
            {_text(vocabulary()[number]): _value(number, token) for number in _ranked(token, most)} if said else None
            for token, said in pairs
        ],
        "text_offset": list(accumulate(map(len, texts), initial=start))[:-1],
    }


def of_prompt(tokens: Sequence[SpokenToken], most: int) -> list[Json]:
    """`prompt_logprobs` as vLLM sends them: by token id, with ranks; null for the first token."""
    return [_by_id(token, most) if index else None for index, token in enumerate(tokens)]


def _by_id(token: SpokenToken, most: int) -> Mapping[str, Json]:
    ranks = {number: rank for rank, number in enumerate(_ranked(token, most), 1)}
    mine = token.logprobs[token.number]
    ranks.setdefault(token.number, int((token.logprobs > mine).sum()) + 1)
    return {
        str(number): {"logprob": _value(number, token), "rank": rank, "decoded_token": _text(vocabulary()[number])}
        for number, rank in ranks.items()
    }
