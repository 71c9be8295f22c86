"""Builds the short requests that probes send."""

from collections.abc import Sequence
from typing import Any

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json, Message, Request, Thinking

MODES = (("streamed", True), ("plain", False))
"""Both ways to ask, for probes that are sent twice: suffix of the id, and `stream`."""

DEFAULT_CAP = 2048
UNKNOWN = 10**9
"""In place of a limit that is not documented."""
SHORT_PROMPT = 3000
"""Tokens of the prompt of a probe, its tools included, by most tokenizers."""
BRIEF = 16
"""`max_tokens` where only acceptance or refusal matters."""
PLAIN = 'Reply with exactly: It is "OK" - 3 < 5 & Done'
"""The text of requests that test something else; damage of many kinds would show in the answer."""


def user(text: str) -> Message:
    """A user message."""
    return {"role": "user", "content": text}


def cap(profile: Profile, times: int = 1) -> int:
    """The `max_tokens` of a probe: room for thinking and a short answer, or for several, as far as the model writes."""
    rules = profile.benchmarks.get("precheck")
    value = (rules.sampling if rules else {}).get("max_tokens", DEFAULT_CAP)
    assert isinstance(value, int)
    return min(times * value, _most(profile))


def _most(profile: Profile) -> int:
    """Tokens that the model can write after a short prompt."""
    window, output = profile.context_window or UNKNOWN, profile.output_limit or UNKNOWN
    return min(output, max(window - SHORT_PROMPT, window // 2))


def ask_with_tools(
    profile: Profile,
    text: str | Sequence[Message],
    tools: Sequence[Json],
    *,
    stream: bool,
    thinking: Thinking = Thinking.UNSET,
    **fields: Json,
) -> Request:
    """A request with tools at hand, and room to think about them; arguments as of `ask`."""
    body = {"max_tokens": cap(profile, 4), **fields}
    return ask(profile, text, stream=stream, thinking=thinking, tools=list(tools), **body)


def ask(
    profile: Profile,
    text: str | Sequence[Message],
    *,
    stream: bool | None = None,
    thinking: Thinking = Thinking.UNSET,
    **fields: Any,
) -> Request:
    """A request with nothing but the fields under test, and `max_tokens`.

    Args:
        profile: the model's rules.
        text: a user message, or the whole conversation.
        stream: None follows the run's setting.
        thinking: by default nothing is said about it.
        fields: further fields of the body.
    """
    messages = (user(text),) if isinstance(text, str) else tuple(text)
    return Request(
        messages=messages,
        body={"max_tokens": cap(profile), **fields},
        sampling=False,
        stream=stream,
        thinking=thinking,
    )
