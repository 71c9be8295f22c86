"""How a prefix is asked: sampling, how many alternatives, and the fields by which a server continues a begun answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kvv_action.fingerprint.position import TOP
from kvv_action.fingerprint.prefixes import Prefix
from kvv_action.schema import CHAT, COMPLETIONS, Json, Message, Request, Thinking


class Dialect(StrEnum):
    """How a server continues an answer that the request begins; each way is used only where a capture has proved it."""

    NONE = "none"
    """Not at all: only prefixes that end with a question are asked."""
    COMBINED = "partial-and-continue"
    """The fields of the next two together: most servers understand one and ignore the other, so a reference that was
    captured this way can be asked of all of them."""
    PARTIAL = "partial"
    """`partial: true` at the last message (Moonshot)."""
    CONTINUE = "continue-final-message"
    """`continue_final_message: true, add_generation_prompt: false` (vLLM, SGLang)."""
    TRAILING = "trailing-assistant"
    """The last message is the assistant's, and nothing else is said (llama.cpp and others)."""
    TEXT = "text-completions"
    """`/v1/completions`: the prefix is plain text, without the model's chat template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The fields that all requests of a capture have in common.

    Attributes:
        temperature, top_p: as they are sent; None leaves a field out.
        top_logprobs: alternatives asked for at each position.
        max_tokens: generated at most; the first position alone is read.
        dialect: how a begun answer is continued.
        thinking: what the requests say about thinking.
    """

    temperature: float | None = 1.0
    top_p: float | None = 1.0
    top_logprobs: int = TOP
    max_tokens: int = 1
    dialect: Dialect = Dialect.NONE
    thinking: Thinking = Thinking.PROFILE

    @property
    def path(self) -> str:
        """Below the base URL."""
        return COMPLETIONS if self.dialect is Dialect.TEXT else CHAT

    def allows(self, prefix: Prefix) -> bool:
        """Whether a prefix can be asked this way."""
        if self.dialect is Dialect.TEXT:
            return not prefix.tools
        return not prefix.begun or self.dialect is not Dialect.NONE

    def fields(self, prefix: Prefix) -> dict[str, Json]:
        """The body of a request without model, messages, thinking and the user's own fields."""
        body: dict[str, Any] = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
        }
        body = {name: value for name, value in body.items() if value is not None}
        if self.dialect is Dialect.TEXT:
            return {**body, "prompt": prefix.text, "logprobs": self.top_logprobs}
        body |= {"logprobs": True, "top_logprobs": self.top_logprobs}
        if prefix.tools:
            body["tools"] = list(prefix.tools)
        if prefix.begun and self.dialect in (Dialect.CONTINUE, Dialect.COMBINED):
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body

    def messages(self, prefix: Prefix) -> tuple[Message, ...]:
        """The chat messages, with the begun answer in the dialect's form."""
        if not prefix.begun:
            return prefix.messages
        begun: Mapping[str, Json] = {"role": "assistant", "content": prefix.begun}
        partial = self.dialect in (Dialect.PARTIAL, Dialect.COMBINED)
        return (*prefix.messages, {**begun, "partial": True} if partial else begun)

    def request(self, prefix: Prefix) -> Request:
        """The request as a benchmark makes it; its answer is kept verbatim."""
        return Request(
            messages=() if self.dialect is Dialect.TEXT else self.messages(prefix),
            body=self.fields(prefix), sampling=False, thinking=self.thinking, stream=False,
            path=self.path, verbatim=True,
        )  # fmt: skip
