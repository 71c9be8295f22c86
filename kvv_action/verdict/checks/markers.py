"""Control tokens of a chat template that are left in the text of answers."""

import re
from collections.abc import Iterable, Iterator, Sequence

import orjson

from kvv_action.causes import BOTH_PARSERS, Cause
from kvv_action.schema import Severity, ToolCall
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sign, ends_of

REPLACEMENT = "\ufffd"
_LOOKS_LIKE = (
    r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?(?:tool_call|start_of_turn|end_of_turn|function_calls)>|"
    r"\[/?(?:EOS|BOS|EOT|PAD|INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT|UNK|gMASK)\]|"
    r"<</?SYS>>|<(?:eos|bos|pad|unk|im_end|im_start|sop|eop)>|<(?:reserved|unused|extra_id)_?\d{1,4}>|"
    r"</?(?:[a-z]+:)?(?:tool_call|arg_key|arg_value)>|\]<\][^\[\]<>]{1,40}\[>\[|<｜DSML｜|</s>"
)
SUSPICIOUS = re.compile(_LOOKS_LIKE + r"(?:(?<!</s>)|(?=\s*\Z))")
"""What looks like a control token; `</s>` at the end of a text only, for elsewhere it is HTML."""
_IN_BODY = re.compile(f"{_LOOKS_LIKE}|{REPLACEMENT}".encode())
"""What requests are searched for, so that an answer which only repeats it is not blamed."""
ROLE = re.compile(r"(assistant|analysis|commentary|assistantfinal)\n\s*\S")
"""What templates of other makers write before an answer: the role, or the channel, on a line of its own."""
ROLES = frozenset({"assistant", "model", "final", "analysis", "commentary", "assistantfinal", "response"})
"""What templates write before an answer: the role, or the channel."""
KNOWN = frozenset({
    "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", "<|tool_call_begin|>", "<|tool_call_end|>",
    "<|tool_call_argument_begin|>", "<|im_end|>", "<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>",
    "<|open|>", "<|close|>", "<|sep|>", "<|media_begin|>", "<|media_content|>", "<|media_pad|>", "<|media_end|>",
})  # fmt: skip
"""Control tokens that no model writes by right, whichever profile was chosen."""
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.DOTALL)
SHORT_VALUE = 200
"""Characters up to which a value of an argument is no code."""
_CHANNEL = re.compile(r"<\|open\|>(?:think|response|tools)<\|sep\|>")

_SWITCHES = {**BOTH_PARSERS, "vLLM": f"{BOTH_PARSERS['vLLM']} --generation-config auto"}
NO_PARSER = Cause(
    id="parser-missing",
    sentence="answers come as the model writes them: there is no parser for this model's thinking and tool calls",
    remedy="start the engine with the parsers for reasoning and tool calls that belong to this model",
    switches=_SWITCHES,
    explains=("markers-leak", "reasoning-in-content", "calls-lost"),
)
LEAK = Cause(
    id="markers-leak",
    sentence="control tokens of the model's template stand in the answers: {words}",
    remedy=(
        "use the parsers for reasoning and tool calls that belong to this model, its own chat template, and its stop "
        "tokens from generation_config.json; skip special tokens when text is decoded"
    ),
    switches=_SWITCHES,
    explains=("markers-unknown", "calls-lost"),
)
OTHER = Cause(
    id="markers-unknown",
    sentence="what looks like control tokens stands in the answers: {words}",
    remedy="check that chat template, parsers and stop tokens are those of this model",
    switches=_SWITCHES,
)
CAUSES = (NO_PARSER, LEAK, OTHER)
RULES = {OTHER.id: Rule(severity=Severity.WARNING)}
ECHO_LIMIT = 20
"""Suspicious pieces of a request that are kept."""


def echo_of(body: bytes) -> tuple[str, ...]:
    """The pieces of a request that would be suspicious in an answer; empty for nearly all requests."""
    found = dict.fromkeys(match[0].decode(errors="ignore") for match in _IN_BODY.finditer(body))
    return tuple(found)[:ECHO_LIMIT]


def marker_signs(answer: SeenAnswer, own: Sequence[str]) -> Iterator[Sign]:
    """Markers in content, reasoning and calls that are neither code nor in the request; none for raw completions.

    Args:
        answer: the answer.
        own: markers of the profile's model; these and the known ones alone can fail a run.
    """
    completion = answer.completion
    if answer.raw:
        return
    texts = (completion.content, completion.reasoning, *_texts_of(completion.tool_calls))
    suspicious = [text for text in texts if "<" in text or "[" in text]
    known = KNOWN.union(own) if suspicious else KNOWN
    leaked, others = set[str](), set[str]()
    for text in suspicious:
        plain = ends_of(_without_code(text, known))
        leaked |= {marker for marker in known if marker in plain}
        others |= set(SUSPICIOUS.findall(plain))
    role = ROLE.match(completion.content)
    if not (leaked or others or role):
        return
    leaked -= answer.echo
    others -= {word for word in others if word.casefold() in {piece.casefold() for piece in answer.echo}}
    if role and role[1] not in answer.request:
        others.add(role[1])
    shown = f"the answer ends: {(completion.content or completion.reasoning)[-120:]}"
    if leaked:
        yield Sign(
            cause=NO_PARSER if _is_raw(completion.content) else LEAK, shown=shown, word=" ".join(sorted(leaked)[:3])
        )
    elif others := {word for word in others if word.casefold() not in answer.request.casefold()}:
        yield Sign(cause=OTHER, shown=shown, word=" ".join(sorted(others)[:3]))


def _is_raw(text: str) -> bool:
    """Whether a whole channel of K3's, opened and closed, stands in a text."""
    opening = _CHANNEL.search(text)
    return opening is not None and text.rfind("<|close|>") > opening.end()


def _without_code(text: str, known: Iterable[str]) -> str:
    """A text without code, but with the marker at its end, where no fence would leave it."""
    plain = _CODE.sub("", text) if "`" in text or "~~~" in text else text
    end = text.rstrip()
    return plain + next((marker for marker in known if end.endswith(marker) and not plain.endswith(marker)), "")


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
