"""What `kvv profiles new` tries: names and values of well-known APIs, and those that a model's own files name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.verdict.checks.markers import KNOWN, SUSPICIOUS

Fields = Mapping[str, Json]

NONSENSE = "kvv-no-such-level"
SWITCHES: tuple[tuple[Fields, tuple[Fields, ...]], ...] = (
    ({"thinking": {"type": "disabled"}}, ({"thinking": {"type": "enabled"}}, {"thinking": {"type": "adaptive"}})),
    ({"enable_thinking": False}, ({"enable_thinking": True},)),
    ({"reasoning": {"enabled": False}}, ({"reasoning": {"enabled": True}},)),
)
"""How thinking is turned off, and on, at official APIs."""
SWITCH_NAMES = (
    "thinking", "enable_thinking", "think", "reasoning", "enable_reasoning", "reason", "thinking_mode",
    "reasoning_mode", "thinking_enabled", "reasoning_enabled", "use_thinking", "use_reasoning",
    "deep_thinking", "deep_think", "enable_think", "with_thinking", "with_reasoning", "thinking_budget",
)  # fmt: skip
"""Fields that may turn thinking on and off where none of `SWITCHES` does; in `chat_template_kwargs` as well."""
SWITCH_VALUES: tuple[tuple[Json, Json], ...] = (
    (False, True), ("off", "on"), ("disabled", "enabled"), ("none", "auto"),
    ({"type": "disabled"}, {"type": "enabled"}),
    ({"enabled": False}, {"enabled": True}), ({"mode": "off"}, {"mode": "on"}),
    ({"effort": "none"}, {"effort": "high"}), (0, 1),
)  # fmt: skip
"""Values that may turn thinking off, and on."""
NO_EFFORT: Fields = {"reasoning_effort": "none"}
"""Turns thinking off at some APIs that have no other switch."""
EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""Levels of effort, lowest first."""
USUAL_EFFORTS = ("low", "high", "max")
"""Those of which one is there wherever others are, unless a refusal lists its own."""
EFFORT_NAMES = (
    "thinking_effort", "reasoning_effort", "effort", "thinking_level", "reasoning_level", "thinking_budget",
    "reasoning_budget", "depth",
)  # fmt: skip
EFFORT_FIELDS = (
    "thinking.effort", "reasoning_effort", "reasoning.effort", "effort", "thinking_effort", "thinking_level",
    "reasoning_level", "thinking.level", "reasoning.level", "output_config.effort", "thinking_budget",
    "thinking.budget_tokens", "reasoning.max_tokens", "reasoning_budget",
)  # fmt: skip
NUMBERS = (100, 10, 1, 4096)
"""Numbers that are tried as levels of effort."""
PARAMETERS: Mapping[str, tuple[Json, ...]] = {
    "temperature": (0.0, 0.6, 1.0, 1.1, 2.0, -0.1),
    "top_p": (0.8, 0.95, 1.0),
    "presence_penalty": (0, 0.5),
    "frequency_penalty": (0, 0.5),
    "n": (1, 2),
}
"""Values that are tried; those that OpenAI's API allows must be refused before a parameter counts as locked."""
FURTHER: Mapping[str, tuple[Json, ...]] = {
    "top_k": (20, 40, 50, -1), "min_p": (0.05, 0.0), "repetition_penalty": (1.1, 1.0), "top_a": (0.1, 0.0),
    "seed": (1, 2), "logprobs": (True, False),
}  # fmt: skip
"""Parameters that are tried together: one by one only where that is refused."""
FINER: Mapping[str, tuple[Json, ...]] = {
    "temperature": (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9, 1.2, 1.3, 1.5),
    "top_p": (0.5, 0.6, 0.7, 0.85, 0.9, 0.92, 0.97, 0.98, 0.99),
    "presence_penalty": (1, 1.5, 2), "frequency_penalty": (1, 1.5, 2), "top_k": (1, 10, 64, 100, 0),
    "repetition_penalty": (1.02, 1.05, 1.15, 1.2),
}  # fmt: skip
"""Values that are tried where every other one is refused and no refusal names the right one."""
OPENAI_REFUSES = (-0.1,)
MARKERS: tuple[tuple[str, ...], ...] = (
    ("<|im_start|>", "<|endoftext|>"),
    ("<|im_end|>",),
    ("<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>"),
    tuple(sorted(marker for marker in KNOWN if "tool_call" in marker)),
    ("<|open|>", "<|close|>", "<|sep|>"),
    ("[EOS]", "[BOS]"),
    ("<|media_begin|>", "<|media_start|>", "<|media_content|>", "<|media_pad|>", "<|media_end|>"),
    ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>"),
    ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜DSML｜"),
    ("<|user|>", "<|assistant|>", "<|observation|>", "[gMASK]", "<sop>", "<|system|>", "<|tool|>"),
    ("]~b]", "]~!b[", "[e~[", "<minimax:tool_call>"),
    ("<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[SYSTEM_PROMPT]"),
    ("<|begin_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>", "<|start_header_id|>", "<|end_header_id|>"),
    ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<unk>"),
    ("<|bos|>", "<|eos|>", "<|bot|>", "<|eot|>", "<|eom|>", "<|turn|>", "<|role|>", "<|think|>", "<|pad|>"),
    ("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|SYSTEM_TOKEN|>"),
    ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<|vision_start|>", "<|vision_end|>"),
)  # fmt: skip
"""Control tokens of well-known templates, by family."""
WINDOWS = (
    "max_model_len", "context_length", "context_window", "max_context_length", "max_context_window", "n_ctx",
)  # fmt: skip
OUTPUTS = ("max_output_tokens", "max_completion_tokens", "max_output_length")
MOST_NAMES = 40
"""Names, and control tokens, that are taken from a file."""
_TAGS = re.compile(rf"{SUSPICIOUS.pattern}|</?[\w|:.-]{{1,40}}>|\[/?[A-Za-z_]{{2,40}}\](?=[^\w])")
"""What may be a control token in a chat template; which of them are is seen by how they are counted."""
_USUAL = frozenset({
    "messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token", "pad_token", "unk_token",
    "raise_exception", "strftime_now", "tool_choice", "tools_in_user_message", "custom_tools", "builtin_tools",
    "date_string", "continue_final_message", "json_tools", "model_identity", "range", "namespace", "dict", "loop",
})  # fmt: skip
"""Variables of templates that are not about thinking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNames:
    """What the files of a model name, to be tried beside what is well known.

    Attributes:
        variables: of its chat template: they may turn thinking on and off, or take its effort.
        markers: what looks like its control tokens.
        switches: body fields that may turn thinking off, and on.
        efforts: fields that may take the effort.
        levels: that it may have.
        values: of parameters that may be locked.
    """

    variables: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    switches: tuple[tuple[Fields, tuple[Fields, ...]], ...] = ()
    efforts: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    values: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)


def names_of(profile: Profile) -> OwnNames:
    """What a profile says, to see whether an endpoint does it."""
    rules, names = profile.thinking, profile.thinking.template
    asking = rules.asking
    return OwnNames(
        variables=tuple(name for name in (names.switch, names.effort) if name),
        markers=profile.markers,
        switches=((asking.off, (asking.on,)),) if asking.off and asking.on else (),
        efforts=(asking.effort,) if asking.effort else (),
        levels=rules.efforts,
        values={one.name: (one.value, one.thinking_value, *one.rejected) for one in profile.parameters},
    )


def names_in(text: str) -> OwnNames:
    """Names in a chat template, in a tokenizer's configuration that may hold one, or in a list of words.

    What is none of them, as a number or an object of something else, has no names.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = text
    if isinstance(document, str) and ("{%" in document or "{{" in document):
        document = {"chat_template": document}
    if isinstance(document, str | list):
        words = [word for one in _several(document) if isinstance(one, str) for word in one.split()]
        return _own([one for one in words if one.isidentifier()], [one for one in words if not one.isidentifier()])
    if not isinstance(document, Mapping):
        return OwnNames()
    several = _several(document.get("chat_template"))
    texts = [str(one.get("template")) if isinstance(one, Mapping) else str(one) for one in several]
    looking = [match[0] for one in texts for match in _TAGS.finditer(one)]
    return _own([name for one in texts for name in _variables(one)], [*_special(document), *looking])


def looks_like_control(token: str) -> bool:
    """Whether a token of a rendered prompt looks like a control token and no byte, word or sign of its own."""
    bracketed = len(token) > 3 and not token[0].isalnum() and not token[-1].isalnum()
    named = re.search(r"[^\W\d_]{2,}", token) is not None and not re.fullmatch(r"<0x[0-9A-F]{2}>", token)
    return bracketed and named and token[0] in "<[]{◁" and not re.search(r"\s", token)


def _own(variables: Sequence[str], markers: Sequence[str]) -> OwnNames:
    first, second = (tuple(dict.fromkeys(names))[:MOST_NAMES] for names in (variables, markers))
    return OwnNames(variables=first, markers=second)


def _several(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value] if value else []


def _special(document: Mapping[str, Json]) -> Iterator[str]:
    """Special tokens of a tokenizer's configuration."""
    added = document.get("added_tokens_decoder")
    entries = [*added.values()] if isinstance(added, Mapping) else _several(document.get("added_tokens"))
    for entry in entries:
        content = entry.get("content") if isinstance(entry, Mapping) and entry.get("special") else None
        if isinstance(content, str) and content:
            yield content
    yield from (one for one in _several(document.get("additional_special_tokens")) if isinstance(one, str) and one)


def _variables(template: str) -> Iterator[str]:
    """Variables that the caller of a template may set."""
    from jinja2 import Environment, TemplateSyntaxError, meta

    try:
        parsed = Environment(autoescape=True, extensions=["jinja2.ext.loopcontrols"]).parse(template)
        found = meta.find_undeclared_variables(parsed)
    except (TemplateSyntaxError, RecursionError):
        found = set(re.findall(r"\b\w*(?:think|reason|effort)\w*\b", template))
    yield from sorted(name for name in found if name not in _USUAL)
