"""Requests whose prompt tokens are known exactly, and the token counts of the texts in their prompts.

A file of cases lies beside the profile of its model: `<name>.tokens.json`. No code names it. Where the model's chat
template is known as well (`template`), the file has the token counts of all texts in the prompts, and a count is
explained part by part; without one, the cases alone are compared. `tests/parity/test_tokenizer.py` compares the texts
with Kimi's tokenizer, and writes them again: `python -m tests.parity.test_tokenizer`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import orjson
from pydantic import TypeAdapter, ValidationError

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
        effort: level of thinking that is asked for; `none` turns thinking off, empty says nothing about it.
        expected: prompt tokens that the official API counts.
        suite: the suite of Kimi-Vendor-Verifier that has it.
    """

    id: str
    body: Mapping[str, Json]
    expected: int
    effort: str = ""
    suite: str = "prompt_tokens"

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
    """A whole file.

    Attributes:
        source, date: where the counts are from.
        texts: tokens of the texts in the prompts.
        template: of the model (`kvv_action.profiles.prompt`); empty when it is not known to the token.
    """

    cases: tuple[TokenCase, ...]
    source: str
    date: str
    licence: str = ""
    texts: Mapping[str, int] = field(default_factory=dict)
    template: Literal["", "kimi-k3"] = ""

    @property
    def rendered(self) -> bool:
        """Whether prompts can be rendered and counted part by part."""
        return bool(self.template)

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
    """The cases of one of `names()`, or of a file by its path.

    Raises:
        ValueError: the file cannot be read, or holds something else.
    """
    place = Path(name) if name.endswith(SUFFIX) else resources.files(__package__).joinpath(name + SUFFIX)
    try:
        found = TypeAdapter(TokenCases).validate_python(orjson.loads(place.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except OSError as error:
        raise ValueError(f"The file cannot be read ({error.strerror}).") from None
    except orjson.JSONDecodeError as error:
        raise ValueError(f"Not JSON: {error}.") from None
    if name.endswith(SUFFIX):  # what is built in is whole by test
        _refuse_unusable(found)
        _refuse_unknown_texts(found)
    return found


OURS = ("profile", "stream", "text", "thinking")
"""What a case cannot say in its body: every case is streamed, and asks for thinking by its effort."""


def _refuse_unusable(found: TokenCases) -> None:
    """Each case can be sent, has a name of its own and a count."""
    if not found.cases:
        raise ValueError("cases is empty.")
    ids = Counter(case.id for case in found.cases)
    for place, case in enumerate(found.cases):
        said = f"cases.{place} ({case.id})"
        messages = case.body.get("messages")
        if ids[case.id] > 1:
            raise ValueError(f"{said}: id is a duplicate.")
        if case.expected < 1:
            raise ValueError(f"{said}: expected must be 1 or more.")
        if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
            raise ValueError(f"{said}: body.messages must be a list of messages, each with a role.")
        if wrong := next((name for name in OURS if name in case.body), ""):
            raise ValueError(f"{said}: body.{wrong} does not belong there; effort says how the model thinks.")


def _is_message(message: Json) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _refuse_unknown_texts(found: TokenCases) -> None:
    """Every text of every prompt is counted, however thinking is asked for."""
    efforts = {case.effort for case in found.cases} - {STOPPED} | {""}
    for case in found.cases if found.rendered else ():
        for effort in efforts:
            for thinking in (True, False):
                try:
                    found.shares(case.body, thinking=thinking, effort=effort)
                except KeyError as text:
                    raise ValueError(f"texts lacks one that the prompt of {case.id} has: {text}.") from None
