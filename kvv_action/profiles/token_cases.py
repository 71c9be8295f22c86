"""Requests whose prompt tokens are known exactly, and the token counts of the texts in their prompts.

A file of cases lies beside the profiles: `<name>.tokens.json`. `tests/parity/test_tokenizer.py` compares its texts with
Kimi's tokenizer, and writes them again: `python -m tests.parity.test_tokenizer`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import orjson

from kvv_action.profiles.prompt import Share, counted, rendered
from kvv_action.schema import Json

SUFFIX = ".tokens.json"
STOPPED = "none"
"""The effort by which a case turns thinking off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCase:
    """One request and its tokens.

    Attributes:
        body: messages and what else the prompt depends on, without model and effort.
        effort: level of thinking that is asked for; `none` turns thinking off.
        expected: prompt tokens that the official API counts.
    """

    id: str
    body: Mapping[str, Json]
    effort: str
    expected: int

    @property
    def thinking(self) -> bool:
        """Whether the model thinks about it."""
        return self.effort != STOPPED

    @property
    def partial(self) -> bool:
        """Whether it begins the answer itself (Partial Mode)."""
        return self.body["messages"][-1].get("partial") is True


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCases:
    """A whole file: its cases, the tokens of texts, and where both are from."""

    cases: tuple[TokenCase, ...]
    texts: Mapping[str, int]
    source: str
    date: str

    def shares(
        self,
        body: Mapping[str, Json],
        *,
        thinking: bool,
        effort: str,
        otherwise: Callable[[str], int] | None = None,
    ) -> Counter[Share]:
        """Tokens of a prompt by the part of the request; texts that are not in the file are counted by `otherwise`.

        Raises:
            KeyError: a text is unknown, and there is no `otherwise`.
        """

        def count(text: str) -> int:
            known = self.texts.get(text)
            return known if known is not None else otherwise(text) if otherwise else self.texts[text]

        return counted(rendered(body, thinking=thinking, effort=effort), count)


def names() -> tuple[str, ...]:
    """The files that there are, sorted."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)))


@cache
def load(name: str) -> TokenCases:
    """The cases of one of `names()`."""
    document = orjson.loads(resources.files(__package__).joinpath(name + SUFFIX).read_bytes())
    cases = (
        TokenCase(id=case["id"], body=case["body"], effort=case["effort"], expected=case["expected"])
        for case in document["cases"]
    )
    return TokenCases(cases=tuple(cases), texts=document["texts"], source=document["source"], date=document["date"])
