"""The records of a profile, with the bounds of what a TOML file may say.

`kvv_action.profiles.document` makes them from a file, strictly: no key but these, no value of another type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from kvv_action.profiles import token_cases
from kvv_action.profiles.fields import (
    BodyFields,
    Count,
    Day,
    EngineOption,
    Epochs,
    Fraction,
    OptionValue,
    Text,
    Tier,
    Value,
    WordTokens,
)
from kvv_action.schema import Json, Reference, Severity

MOST_DIGITS = 5
"""Digits of a number that is a level of effort, at most."""


class Surface(StrEnum):
    """Further ways to ask that an official API has beside chat completions."""

    RESPONSES = "responses"
    """OpenAI's Responses API."""
    MESSAGES = "messages"
    """Anthropic's Messages API."""


class Contract(StrEnum):
    """Parts of the official API that only some models have; Pre-Verification probes the listed ones.

    Other probes depend on other fields: locked parameters, effort levels, prompt tokens.
    """

    TOOL_SCHEMA = "tool-schema"
    """The arguments of forced calls follow the JSON Schema of the tool."""
    TOOL_CHOICE = "tool-choice"
    """The values of `tool_choice` are obeyed, and unknown ones refused."""
    DYNAMIC_TOOLS = "dynamic-tools"
    """Tools that a system message declares."""
    RESPONSE_FORMAT = "response-format"
    """Answers as a JSON object, or by a JSON Schema."""


class Engine(StrEnum):
    """Engines that are told by options how a model writes thinking and tool calls; remedies name them so."""

    VLLM = "vLLM"
    """https://docs.vllm.ai"""
    SGLANG = "SGLang"
    """https://docs.sglang.io"""
    TENSORRT_LLM = "TensorRT-LLM"
    """https://nvidia.github.io/TensorRT-LLM"""
    LLAMA_CPP = "llama.cpp"
    """https://github.com/ggml-org/llama.cpp"""


class RightRefusal(StrEnum):
    """What the official API refuses with HTTP 400 although OpenAI's API accepts it.

    A vendor may refuse it or serve it, unless a word says that it must refuse.
    """

    FORCED_CALLS = "forced-calls"
    """`tool_choice` required, and one that names a tool."""
    FORCED_CALLS_WHILE_THINKING = "forced-calls-while-thinking"
    """The same, but only while the model thinks."""
    BARE_TOOL_TURNS = "bare-tool-turns"
    """While the model thinks: an earlier assistant message with tool calls and without its reasoning."""
    BEGUN_ANSWERS = "begun-answers"
    """A last message of the assistant with `partial: true`, which the answer must continue."""
    LONG_OUTPUT = "long-output"
    """`max_tokens` above `output_limit`; under `contract: official` a vendor must refuse it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableParameter:
    """A decoding parameter that the official API locks.

    Attributes:
        value: the only accepted value without thinking.
        thinking_value: the only accepted value with thinking; where a file names none, it is `value`.
        rejected: values that the endpoint must refuse.
        open: range in which official sources disagree: neither accepting such a value nor refusing it is wrong.
        open_without_thinking: the same without thinking.
    """

    name: Text
    value: Value
    thinking_value: Value = None
    rejected: tuple[Value, ...] = ()
    open: tuple[float, float] | None = None
    open_without_thinking: tuple[float, float] | None = None

    def only(self, *, thinking: bool) -> Value:
        """The value that must be accepted."""
        return self.thinking_value if thinking else self.value

    def is_open(self, value: Value, *, thinking: bool) -> bool:
        """Whether `value` may be accepted or refused."""
        bounds = self.open if thinking else self.open_without_thinking
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return bounds is not None and number and bounds[0] <= value <= bounds[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingRequest:
    """How a request to the official API asks for thinking (`think-mode: official`).

    Attributes:
        on, off: body fields that turn thinking on and off; empty where there is no way to ask.
        keep: body fields that are added to `on` where the thinking of earlier turns is kept.
        effort: place of the effort, with dots for a field inside another one; empty where there is none.
    """

    on: BodyFields = field(default_factory=lambda: {"thinking": {"type": "enabled"}})
    off: BodyFields = field(default_factory=lambda: {"thinking": {"type": "disabled"}})
    keep: BodyFields = field(default_factory=lambda: {"thinking": {"keep": "all"}})
    effort: str = "thinking.effort"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNames:
    """Names in `chat_template_kwargs` by which engines are asked for thinking (`think-mode: opensource`).

    Attributes:
        switch: true or false turns thinking on or off; empty where the template has no switch.
        keep: true keeps the thinking of earlier turns.
        effort: takes the level.
    """

    switch: str = "thinking"
    keep: str = "preserve_thinking"
    effort: str = "thinking_effort"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingRules:
    """How the model thinks.

    Attributes:
        supported: the model can think.
        switchable: thinking can be turned off.
        default: the model thinks by default.
        keep: thinking of earlier turns is kept (`keep: all`).
        efforts: effort levels, lowest first; may be empty.
        default_effort: the default level; empty without levels.
        switch_open: official sources disagree whether thinking can be turned off: a server may stop, or refuse.
        strict: while the model thinks, the official API refuses forced calls, and tool turns without their reasoning.
        effort_alone: the official API has no field for thinking, and takes the effort as `reasoning_effort`.
        adaptive: the model decides by itself whether a question needs thinking: an answer without any is right.
        effort_range: the lowest and the highest whole number that are levels of effort beside `efforts`.
        effort_untold: the prompt does not tell the model its effort, so it is not asked for it.
        request: how a request to the official API asks for thinking.
        template: names in `chat_template_kwargs`.
        answer_field: field of messages that holds the thinking, in answers and in the history.
        inline: what opens and what ends thinking that stands at the beginning of the content, instead of in a field.
    """

    supported: bool
    switchable: bool = False
    default: bool = False
    keep: bool = False
    efforts: tuple[Text, ...] = ()
    default_effort: str = ""
    switch_open: bool = False
    strict: bool = False
    effort_alone: bool = False
    adaptive: bool = False
    effort_range: tuple[int, int] | None = None
    effort_untold: bool = False
    request: ThinkingRequest = field(default_factory=ThinkingRequest)
    template: TemplateNames = field(default_factory=TemplateNames)
    answer_field: Text = "reasoning_content"
    inline: tuple[Text, Text] | None = None

    @property
    def asking(self) -> ThinkingRequest:
        """How the official API is asked, `effort_alone` included."""
        return replace(self.request, on={}, keep={}, effort="reasoning_effort") if self.effort_alone else self.request

    @property
    def in_two_fields(self) -> bool:
        """Whether the official API takes the effort inside its field for thinking, and at top level as well."""
        return self.asking.effort == ThinkingRequest().effort

    def has_level(self, effort: Json) -> bool:
        """Whether `effort` is a level: one of the names, or a number within the range."""
        if self.effort_range is None or effort in self.efforts:
            return effort in self.efforts
        digits = isinstance(effort, str) and effort.isdecimal() and len(effort) <= MOST_DIGITS
        number = int(effort) if digits else effort
        return type(number) is int and self.effort_range[0] <= number <= self.effort_range[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallIds:
    """What ids of tool calls in answers look like, and what another form means in each contract.

    Attributes:
        format: with `{name}` and `{index}`; where a file names none, it is `tool_call_id`.
        official, compatible: what another form means under this contract.
    """

    format: str = ""
    official: Severity = Severity.FAILURE
    compatible: Severity = Severity.FAILURE

    def level(self, contract: str) -> Severity:
        """What another form means."""
        return self.official if contract == "official" else self.compatible


def _cases(name: str) -> str:
    if name and not name.endswith(token_cases.SUFFIX) and name not in token_cases.names():
        raise ValueError(f"Must be one of {', '.join(token_cases.names())}.")
    if name:
        token_cases.load(name)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """Requests whose prompt tokens are known.

    Attributes:
        cases: name or path of a file of cases (`kvv_action.profiles.token_cases`); empty when there is none.
        measured: the counts are this model's own, not those of an earlier model with the same template.
    """

    cases: Annotated[str, AfterValidator(_cases)] = ""
    measured: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Where parts of a profile come from.

    Attributes:
        about: keys of the profile, with dots (`parameters.temperature`).
        source: a URL.
        date: when it was published or read.
    """

    about: Annotated[tuple[Text, ...], Field(min_length=1)]
    source: Text
    date: Day
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReference(Reference):
    """A score to compare with, within its bounds.

    Attributes:
        effort: level of thinking effort at which it was measured; empty for a model without levels.
    """

    value: Fraction
    source: Text
    date: Day
    n: Count | None = None
    effort: str = ""

    @property
    def planned(self) -> Reference:
        """As it stands in a plan."""
        return Reference(value=self.value, source=self.source, date=self.date, n=self.n, note=self.note)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRules:
    """How much of a benchmark a tier runs.

    Attributes:
        limit: number of samples; None means all.
        epochs: answers per sample; a loaded profile always sets it, by default to the benchmark's `epochs`.
        only_named: the benchmark runs only when the user names it, because it takes too long for the tier.
    """

    limit: Count | None = None
    epochs: Epochs | None = None
    only_named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRules:
    """A model's settings for one benchmark.

    Attributes:
        sampling: body fields of every request (temperature, top_p, max_tokens, ...).
        without_thinking: fields that replace those in `sampling` when thinking is off.
        thinking: True or False turns it on or off; None sends nothing.
        epochs: answers per sample at the full tier.
        tiers: by tier name; a loaded profile has all three.
        reference: published score; None when unknown.
        margin: deficit against the reference that still passes, as a fraction.
        note: for readers of the result.
        reference_file: file, or URL@sha256:DIGEST, that the benchmark itself reads, and compares the answers with.
    """

    sampling: BodyFields = field(default_factory=dict)
    without_thinking: BodyFields = field(default_factory=dict)
    thinking: bool | None = None
    epochs: Epochs = 1
    tiers: Mapping[Tier, TierRules] = field(default_factory=dict)
    reference: PublishedReference | None = None
    margin: Fraction | None = None
    note: str = ""
    reference_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A model as its vendor publishes it.

    Attributes:
        name: file name without `.toml`.
        model: the model's name at the official API.
        sources: URLs of the facts.
        parameters: locked decoding parameters; empty when none are documented.
        benchmarks: by id; a missing benchmark does not apply to the model.
        digest: SHA-256 of the resolved content.
        context_window: tokens of prompt and answer together; None when not documented.
        vision: the model reads images.
        contracts: parts of the official API that the model supports.
        tool_call_id: format of the ids of tool calls, with `{name}` and `{index}`; empty when not documented.
        prompt_tokens: published constants of `usage.prompt_tokens`, by probe.
        markers: control tokens of the model's chat template, which must not stand in answers.
        served_names: further names under which the same model is served.
        call_ids: the form of ids in answers.
        tokens: exact counts of prompts.
        surfaces: further ways to ask that the official API has.
        facts: where the parts come from.
        reference_pack: a reference pack of the official endpoint, as a file or as `URL@sha256:DIGEST`: runs that name
            no other reference are compared with it. Profiles that extend this one do not take it over.
        refusals: what the official API refuses, and a vendor may refuse.
        output_limit: the largest `max_tokens`; None when not documented.
        contract_levels: what a broken contract means; a contract that is not named here fails the run.
        engine_options: by engine, the values of options that are this model's own, such as the names of its parsers:
            remedies name them.
        word_tokens: what a short English word costs; about one in most models, several where a token is a byte or two.
    """

    name: str
    title: Text
    model: Text
    sources: tuple[Text, ...] = ()
    thinking: ThinkingRules
    parameters: tuple[ImmutableParameter, ...] = ()
    benchmarks: Mapping[str, BenchmarkRules]
    digest: str
    context_window: Count | None = None
    vision: bool = False
    contracts: tuple[Contract, ...] = ()
    tool_call_id: str = ""
    prompt_tokens: Mapping[str, Count] = field(default_factory=dict)
    markers: tuple[Text, ...] = ()
    served_names: tuple[Text, ...] = ()
    call_ids: CallIds = field(default_factory=CallIds)
    tokens: TokenRules = field(default_factory=TokenRules)
    surfaces: tuple[Surface, ...] = ()
    facts: tuple[Fact, ...] = ()
    reference_pack: str = ""
    refusals: tuple[RightRefusal, ...] = ()
    output_limit: Count | None = None
    contract_levels: Mapping[Contract, Severity] = field(default_factory=dict)
    engine_options: Mapping[Engine, Mapping[EngineOption, OptionValue]] = field(default_factory=dict)
    word_tokens: WordTokens = 1.0

    def may_refuse(self, what: RightRefusal) -> bool:
        """Whether the official API refuses it; `thinking.strict` says two of them at once."""
        strict = (RightRefusal.FORCED_CALLS_WHILE_THINKING, RightRefusal.BARE_TOOL_TURNS)
        return what in self.refusals or (self.thinking.strict and what in strict)

    def may_refuse_forced_calls(self, *, thinking: bool) -> bool:
        """Whether the official API refuses forced calls, while the model thinks or while it does not."""
        always = self.may_refuse(RightRefusal.FORCED_CALLS)
        return always or (thinking and self.may_refuse(RightRefusal.FORCED_CALLS_WHILE_THINKING))
