"""K2VV ToolCall: requests, reference, judgement.

Definitions are those of MoonshotAI/K2-Vendor-Verifier (0bc5061): an answer is positive when it ends with finish_reason
`tool_calls`; it is valid when every call's arguments are JSON that the tool's schema allows.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from random import Random

import orjson

from benchmarks.toolcall import channels, k2vv, reference, signatures, template, variants
from benchmarks.toolcall.options import RAW, ToolCallOptions
from benchmarks.toolcall.reference import Label, ReferenceAnswers
from benchmarks.toolcall.template import Template
from kvv_action.aside import in_turn, is_long
from kvv_action.benchmark import (
    USUAL,
    BenchmarkBase,
    DatasetPin,
    ExportSource,
    Generate,
    Options,
    Outline,
    Rows,
    Sandbox,
    Typical,
)
from kvv_action.dataset import archive, files
from kvv_action.errors import EndpointError, Problem
from kvv_action.plan.reference_pack import is_pack
from kvv_action.profiles.model import Profile, RightRefusal
from kvv_action.profiles.prompt import OPEN
from kvv_action.profiles.thinking import thinks
from kvv_action.schema import (
    COMPLETIONS,
    REFERENCE,
    Answer,
    BenchmarkKind,
    Completion,
    Exchange,
    Json,
    Message,
    Request,
    Sample,
    Score,
    ToolCall,
)
from kvv_action.scoring.toolcalls import AT_ONCE, CheckedCall, ToolCallChecker
from kvv_action.simulator.schema_values import minimal
from kvv_action.statistics.aggregates import MISSED

ARCHIVE = "https://statics.moonshot.cn/k2vv/tool-calls.tar.gz"
PIN = DatasetPin(
    hub_id="",
    split="",
    revision="",
    count=2000,
    digest="",
    columns=(),
    licence="none stated",
    archive=ARCHIVE,
)
SET_BY_US = ("model", "messages", "stream", "stream_options")


def template_of(profile: Profile) -> Template | None:
    """The chat template of a model, by its markers; None when it is none of those that are known here."""
    thinking = profile.thinking
    if template.CALL in profile.markers:
        newer = thinking.supported and (thinking.switchable or thinking.keep)
        return template.Style(thinks=thinking.supported, opens=newer, typescript=newer)
    return channels.Channels(effort=thinking.default_effort) if OPEN in profile.markers else None


class ToolCallBenchmark(BenchmarkBase):
    """F1 of calling tools against a reference, and validity of the calls."""

    id = "toolcall"
    title = "K2VV ToolCall"
    metric = "tool_call_f1"
    kind = BenchmarkKind.SCORED
    pin = PIN
    aggregate = "f1"
    compares = True
    extras = ("k2vv-*.json*",)
    typical = Typical(
        thinking=800,
        plain=45,
        source="not thinking: 511 answers of deepseek-v3.2-exp to such requests (cndoit18/LLM-Vendor-Verfier); "
        "thinking: assumed",
    )

    def __init__(self, options: Options = USUAL, own: ToolCallOptions | None = None) -> None:
        self._mode = (own or ToolCallOptions()).toolcall_mode
        self.version = f"1 ({ToolCallChecker.version()})" + ("" if self._mode == "chat" else f"{RAW} 4")
        self._options = options
        self._checker = ToolCallChecker()
        self._reference: ReferenceAnswers | None = None
        self._learned = ""
        self._answers: dict[str, Mapping[str, Json]] = {}
        self._template: Template | None = None
        self._thinking = False
        self._profile: Profile | None = None
        self._replaced: Mapping[str, Json] = {}
        self._id_format = ""

    @property
    def profile(self) -> Profile:
        """The model's rules, known once samples were read."""
        assert self._profile is not None
        return self._profile

    def unfit(self, profile: Profile, today: str) -> Iterator[Problem]:
        """Raw completions need a prompt of ours, which is written by the template that the model's markers tell."""
        del today
        if self._mode != "chat" and template_of(profile) is None:
            allowed = (
                f"Raw prompts can be written for models that use the marker {template.CALL} or {OPEN}; profile "
                f"{profile.name} names neither. Leave out toolcall-mode, or set it to chat."
            )
            yield Problem(name="toolcall-mode", value=self._mode, allowed=allowed)

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample a request; its id is its number and the digest of its content, by which references are aligned."""
        assert rows is not None
        self._learn(rows, profile)
        assert self._reference is not None
        seen: Counter[str] = Counter()
        for position, row in enumerate(rows, 1):
            number = row["data_index"] if isinstance(row.get("data_index"), int) else position
            request = k2vv.request_of(row, f"{self.id}: row {number}")
            key = k2vv.content_key(request)
            calls = self._reference.calls(key, seen[key])
            seen[key] += 1
            yield Sample(
                id=f"{number}-{key}",
                input=request,
                target=list(calls),
                category=_category(calls),
                unanswered=_unanswered(calls),
                refusable=self._refusable(request),
            )

    def _refusable(self, request: Mapping[str, Json]) -> str:
        """Why the official endpoint refuses a request; a prompt of ours it never does."""
        strict = self.profile.may_refuse(RightRefusal.FORCED_CALLS_WHILE_THINKING)
        refuses = self._thinking and strict and self._mode == "chat"
        return k2vv.refusable(request) if refuses else ""

    def _learn(self, rows: Rows, profile: Profile) -> None:
        """Read profile and reference, once for each dataset."""
        if self._learned == rows.info.digest:
            return
        self._learned = rows.info.digest
        self._profile = profile
        rules = profile.benchmarks.get(self.id)
        self._replaced = {**rules.without_thinking, **rules.sampling} if rules else {}
        self._id_format = profile.tool_call_id
        self._template = template_of(profile)
        self._thinking = thinks(profile.thinking, rules.thinking if rules else None)
        self._reference = self._load(rows, profile)
        live = f"{reference.LIVE} {self._options.reference_model}" if self._options.reference_model else ""
        self.against = live or self._reference.name

    def _load(self, rows: Rows, profile: Profile) -> ReferenceAnswers:
        given = tuple(name for name in self._options.reference if not is_pack(name))
        source = rows.info.source
        if source == "bundled":
            path = Path(str(resources.files("benchmarks.toolcall"))) / "samples" / "reference.jsonl"
            keys = [k2vv.content_key(k2vv.request_of(row, "bundled")) for row in rows]
            self._answers = dict(zip(keys, files.read(path), strict=True))
            if not given:
                return reference.bundled(path, keys)
        if reference.NONE in given or self._options.reference_model:
            return ReferenceAnswers()
        if not given and source == "archive":
            return reference.published(self._official(rows, profile))
        return reference.load(given, partial(self._official, rows, profile))

    def _official(self, rows: Rows, profile: Profile) -> Path:
        """The official results, in the archive that the requests came from or in the published one."""
        folder = rows.folder or archive.unpacked(ARCHIVE, self._options.dataset_cache)
        return archive.find(folder, "results", profile.model.partition("-")[2])

    def opening(self, sample: Sample) -> Sequence[Message]:
        """The messages as they go out; in completions mode the prompt, as if a user had said it."""
        if self._mode == "chat":
            return k2vv.messages_of(sample.input)
        return ({"role": "user", "content": self._prompt(sample.input)},)

    def _prompt(self, request: Mapping[str, Json]) -> str:
        assert self._template is not None  # told by `unfit`
        return self._template.render(request, thinking=self._thinking)

    def request(self, sample: Sample, endpoint: str = "") -> Request:
        """The request of a sample: its own fields, but for those that the profile replaces and that we set."""
        source = sample.input
        dropped = {*SET_BY_US, *self._replaced}
        body = {name: value for name, value in source.items() if name not in dropped}
        stream = bool(source.get("stream", False))
        if self._mode == "chat":
            if stream and isinstance(source.get("stream_options"), Mapping):
                body["stream_options"] = {"include_usage": True, **source["stream_options"]}
            messages = k2vv.messages_of(source)
            return Request(messages=messages, body=body, stream=stream, endpoint=endpoint)
        for name in ("tools", "tool_choice"):
            body.pop(name, None)
        body["prompt"] = self._prompt(source)
        return Request(body=body, stream=stream, path=COMPLETIONS, endpoint=endpoint)

    def vary(self, sample: Sample, draw: Random) -> Sample | None:
        """The tools and their properties in another order; the conversation as it is.

        None also where a prompt of ours writes both orders alike.
        """
        found = variants.rearranged(sample.input, draw)
        if found is None or (self._mode != "chat" and self._prompt(found[0]) == self._prompt(sample.input)):
            return None
        return replace(sample, input=found[0], variation=found[1])

    def outline(self, sample: Sample) -> Outline:
        """The request, and the same to a live reference."""
        theirs = (self.request(sample, REFERENCE),) if self._options.reference_model else ()
        return Outline(requests=(*theirs, self.request(sample)))

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """One request, and the same to a live reference at the same time."""
        del sandbox
        if not self._options.reference_model:
            await generate(self.request(sample))
            return
        theirs, mine = await asyncio.gather(
            generate(self.request(sample, REFERENCE)), generate(self.request(sample)), return_exceptions=True
        )
        if isinstance(mine, BaseException):
            raise mine
        # what the reference could not answer is compared with nothing, and counted (`count_without_reference`)
        if isinstance(theirs, BaseException) and not isinstance(theirs, EndpointError):
            raise theirs

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """1 when the answer calls tools as the reference does and every call is valid."""
        mine = [exchange.completion for exchange in exchanges if not exchange.endpoint]
        long = is_long(exchanges)
        answer = await in_turn(long, self.read, mine[-1])
        expected = self._expected(sample, exchanges)
        tools = sample.input.get("tools") or []
        checked = await self._checker.check(answer.tool_calls, tools)
        return await in_turn(long or len(checked) > AT_ONCE, self._judged, sample, answer, checked, expected)

    def read(self, completion: Completion | None) -> Completion:
        """An answer as a chat has it: of a raw completion the calls are parsed out of the text."""
        assert completion is not None
        if self._mode == "chat":
            return completion
        assert self._template is not None
        return self._template.parsed(completion, thinking=self._thinking)

    def _expected(self, sample: Sample, exchanges: Sequence[Exchange]) -> tuple[Label, ...]:
        """What each run of the reference did: called a tool, or not."""
        if not self._options.reference_model:
            return tuple(sample.target)
        live = [exchange.completion for exchange in exchanges if exchange.endpoint]
        return tuple(self.read(answer).finish_reason == "tool_calls" for answer in live if answer)

    def _judged(
        self, sample: Sample, answer: Completion, checked: Sequence[CheckedCall], labels: tuple[Label, ...]
    ) -> Score:
        positive = answer.finish_reason == "tool_calls"
        expected = tuple(map(bool, labels))
        valid = bool(checked) and all(call.valid for call in checked)
        majority = (2 * sum(expected) >= len(expected)) if expected else None
        agrees = majority is None or majority == positive
        right = agrees and (valid if positive else not answer.tool_calls)
        seen = signatures.SeenSchema(
            completion=answer, checked=checked, tools=sample.input.get("tools"), expected=majority,
            id_format=self._id_format, max_tokens=_limit(sample.input, self._replaced),
        )  # fmt: skip
        found = list(dict.fromkeys(signatures.found(seen)))
        cause = found[0] if found and not right else None
        return Score(
            value=float(right),
            answer=_shown(answer),
            explanation=_explained(checked, majority, positive=positive, right=right),
            cause=cause.sentence if cause else "",
            remedy=cause.remedy if cause else "",
            findings={one.sentence: one.remedy for one in found if one is not cause},
            counts=self._counts(answer, checked, labels, right=right, valid=valid),
        )

    def _counts(
        self, answer: Completion, checked: Sequence[CheckedCall], labels: tuple[Label, ...], *, right: bool, valid: bool
    ) -> dict[str, int]:
        """Everything that is summed; zeros are left out, but for what a metric is made of."""
        positive = answer.finish_reason == "tool_calls"
        expected = tuple(map(bool, labels))
        failed = labels.count(None)
        pairs = [(a, b) for n, a in enumerate(expected) for b in expected[n + 1 :]]
        mode = "streamed" if answer.streamed else "plain"
        counts = {
            "count_responses": 1,
            "count_finish_reason_tool_calls": int(positive),
            "count_successful_tool_call": int(positive and valid),
            "tp": sum(expected) if positive else 0,
            "fp": len(expected) - sum(expected) if positive else 0,
            "fn": sum(expected) if not positive else 0,
            "tn": len(expected) - sum(expected) if not positive else 0,
        }
        optional = Counter({
            "count_calls": len(checked),
            "count_valid_calls": sum(call.valid and not call.kinds for call in checked),
            "count_documented_ids": signatures.documented(answer.tool_calls, self._id_format) if self._id_format else 0,
            "count_without_reference": int(not expected),
            "reference_failed_called" if positive else "reference_failed_no_call": failed,
            "self_tp": sum(a and b for a, b in pairs),
            "self_errors": sum(a != b for a, b in pairs),
            mode: 1,
            f"{mode}_wrong": int(not right),
        })  # fmt: skip
        for call in checked:
            for kind in call.kinds:
                optional[f"invalid_kind/{kind}"] += 1
            if call.kinds:
                optional[f"invalid_tool/{call.name if 'unknown-tool' not in call.kinds else '(not offered)'}"] += 1
        return counts | {name: count for name, count in optional.items() if count}

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """The bundled reference's own answer; for other data the smallest one that agrees with the reference."""
        del messages
        known = self._answers.get(sample.id.partition("-")[2])
        answer = _agreeing(sample) if known is None else _known(known, sample)
        if answer is None or self._mode == "chat":
            return answer
        assert self._template is not None
        return Answer(content=self._template.written(answer.content, answer.tool_calls, thinking=self._thinking))

    async def export(self, out: Path, source: ExportSource) -> None:
        """K2VV's own files."""
        from benchmarks.toolcall import export  # which knows this class

        await export.write(out, source, self)

    async def aclose(self) -> None:
        """End the checker's process."""
        await self._checker.aclose()


def _known(reference: Mapping[str, Json], sample: Sample) -> Answer:
    """The reference's own answer, its calls as a varied sample declares them."""
    choice = reference["response"]["choices"][0]
    message = choice["message"]
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    if sample.variation:
        calls = tuple(variants.as_declared(call, sample.input) for call in calls)
    return Answer(content=str(message.get("content") or ""), tool_calls=calls, finish_reason=choice["finish_reason"])


def _agreeing(sample: Sample) -> Answer | None:
    """A call of the first tool, or a sentence, as most runs of the reference did; None without a reference."""
    if not sample.target:
        return None
    names = k2vv.tool_names(sample.input.get("tools"))
    if 2 * sum(map(bool, sample.target)) < len(sample.target) or not names:
        return Answer(content="This needs no tool.")
    schema = sample.input["tools"][0]["function"].get("parameters")
    arguments = orjson.dumps(minimal(schema) if schema else {}).decode()
    return Answer(tool_calls=(ToolCall(id="", name=names[0], arguments=arguments),))


def _category(calls: Sequence[Label]) -> str:
    if not calls:
        return "no reference"
    return "reference calls" if 2 * sum(map(bool, calls)) >= len(calls) else "reference does not call"


def _unanswered(calls: Sequence[Label]) -> dict[str, int]:
    """What is known of a sample that gets no answer."""
    if not calls:
        return {"failed_no_reference": 1}
    called = sum(map(bool, calls))
    call, none = (called, len(calls) - called), (0, called)  # true positives and errors of an answer with and without
    majority = 2 * called >= len(calls)
    right, wrong = (call, none) if majority else (none, call)
    counts = {"failed_reference_called" if majority else "failed_reference_no_call": 1}
    return counts | {name: count for name, count in zip(MISSED, (*right, *wrong), strict=True) if count}


def _limit(request: Mapping[str, Json], replaced: Mapping[str, Json]) -> int | None:
    value = replaced.get("max_tokens", request.get("max_tokens"))
    return value if isinstance(value, int) else None


def _shown(answer: Completion) -> str:
    """What was called, or the beginning of the text."""
    if answer.tool_calls:
        return "; ".join(f"{call.name}({call.arguments[:120]})" for call in answer.tool_calls[:4])
    return answer.content[:200]


def _explained(checked: Sequence[CheckedCall], expected: bool | None, *, positive: bool, right: bool) -> str:
    wrong = [f"{call.name}: {', '.join(call.kinds)}" + (f" ({call.message})" if call.message else "")
             for call in checked if call.kinds]  # fmt: skip
    did = "called" if positive else "did not call"
    if expected is None:
        said = f"{did}; no reference"
    elif expected == positive:
        said = f"{did}, as the reference"
    else:
        said = f"{did}, the reference {'did' if expected else 'did not'}"
    return "; ".join([said, *wrong]) if wrong or not right or expected is None else said
