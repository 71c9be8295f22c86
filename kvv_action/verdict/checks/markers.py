"""Control tokens of a chat template that are left in the text of answers."""

import re
from collections.abc import Iterable, Iterator, Sequence

import orjson

from kvv_action.causes import Cause
from kvv_action.schema import Severity, ToolCall
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sign

REPLACEMENT = "\ufffd"
SUSPICIOUS = re.compile(r"<\|[^|<>\s]{1,40}\|>|\[(?:EOS|BOS|EOT|PAD)\]|\ufffd")
"""What requests are searched for, so that an answer which only repeats it is not blamed."""
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.DOTALL)
SHORT_VALUE = 200
"""Characters up to which a value of an argument is no code."""

LEAK = Cause(
    id="markers-leak",
    sentence="control tokens of the model's template stand in the answers: {words}",
    remedy=(
        "use the parsers for reasoning and tool calls that belong to this model, its own chat template, and its stop "
        "tokens from generation_config.json; skip special tokens when text is decoded"
    ),
    switches={
        "vLLM": "--tool-call-parser and --reasoning-parser of this model (kimi_k2), --generation-config auto",
        "SGLang": "--tool-call-parser and --reasoning-parser of this model (kimi_k2)",
        "TensorRT-LLM": "--tool_parser, --reasoning_parser",
    },
)
OTHER = Cause(
    id="markers-unknown",
    sentence="what looks like control tokens stands in the answers: {words}",
    remedy="check that chat template, parsers and stop tokens are those of this model",
)
CAUSES = (LEAK, OTHER)
RULES = {OTHER.id: Rule(severity=Severity.WARNING)}
ECHO_LIMIT = 20
"""Suspicious pieces of a request that are kept."""


def echo_of(body: bytes) -> tuple[str, ...]:
    """The pieces of a request that would be suspicious in an answer; empty for nearly all requests."""
    if not any(sign in body for sign in (b"<|", b"[EO", b"[BO", b"[PAD", b"\xef\xbf\xbd")):
        return ()
    found = dict.fromkeys(SUSPICIOUS.findall(body.decode(errors="ignore")))
    return tuple(found)[:ECHO_LIMIT]


def marker_signs(answer: SeenAnswer, own: Sequence[str]) -> Iterator[Sign]:
    """Markers in content, reasoning and calls that are neither code nor in the request; none for raw completions.

    Args:
        answer: the answer.
        own: markers of the profile's model; these alone can fail a run.
    """
    completion = answer.completion
    if answer.raw:
        return
    leaked, others = set[str](), set[str]()
    for text in (completion.content, completion.reasoning, *_texts_of(completion.tool_calls)):
        if "<" in text or "[" in text:
            plain = _CODE.sub("", text)
            leaked |= {marker for marker in own if marker in plain}
            others |= set(SUSPICIOUS.findall(plain))
    leaked -= answer.echo
    others -= answer.echo
    shown = f"the answer ends: {(completion.content or completion.reasoning)[-120:]}"
    if leaked:
        yield Sign(cause=LEAK, shown=shown, word=" ".join(sorted(leaked)[:3]))
    elif others - {REPLACEMENT} - set(own):
        yield Sign(cause=OTHER, shown=shown, word=" ".join(sorted(others)[:3]))


def _texts_of(calls: Iterable[ToolCall]) -> Iterator[str]:
    """Names and arguments; of well-formed arguments the short values, for long ones may hold code."""
    for call in calls:
        yield call.name
        try:
            parsed = orjson.loads(call.arguments)
        except orjson.JSONDecodeError:
            yield call.arguments
            continue
        yield from _short(parsed)


def _short(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) <= SHORT_VALUE and "\n" not in value:
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _short(part)
