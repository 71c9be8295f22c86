"""What the vendor knows and what it makes up: exemplars by conversation, rules for everything else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

import orjson

from kvv_action.benchmark import Benchmark
from kvv_action.profiles.model import ThinkingRules
from kvv_action.schema import Answer, Json, Message, Sample, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import ToolResult, last_message, last_user_text, past_calls, results_of
from kvv_action.simulator.dictation import dictated
from kvv_action.simulator.fingerprint import Fingerprint, fingerprint
from kvv_action.simulator.instructions import call_of, calls_for, closest, code_words, keys_in
from kvv_action.simulator.judging import judged
from kvv_action.simulator.schema_values import minimal
from kvv_action.simulator.sight import Sight, guess, has_pictures
from kvv_action.simulator.thinking import NO_EFFORT
from kvv_action.simulator.tooling import Tool, ToolChoice
from kvv_action.simulator.vision import seen

SENTENCE = "This is a short answer of the embedded vendor."
FINE = "fine"
NO_CALL = "No tool is called, as it was asked."
THOUGHT = "Step {}: the question is read once more and the answer is checked."
ASKS_EFFORT = "thinking_effort"
"""A user who writes this word asks which effort the prompt tells the model."""
_EXACTLY = re.compile(r"reply with exactly:[^\S\n]*(\S[^\n]*)", re.IGNORECASE)
_STEPS = re.compile(r"think in at least (\d{1,2}) steps", re.IGNORECASE)
_WORD_IN_THOUGHT = re.compile(r"write the word (\w+) in your thoughts", re.IGNORECASE)

Known = tuple[Benchmark, Sample]


class AnswerBook:
    """The samples whose answers the vendor knows, by the digest of the messages that open them.

    Where samples open alike, the first one counts. Each costs a digest of 16 bytes and the sample without pictures.
    """

    def __init__(self, pairs: Iterable[tuple[Benchmark, Iterable[Sample]]] = ()) -> None:
        self._known: dict[bytes, Known] = {}
        self._varied: dict[tuple[bytes, bytes], Known] = {}
        for benchmark, samples in pairs:
            for sample in samples:
                opening = benchmark.opening(sample)
                if opening is not None:
                    self._learn(benchmark, sample, fingerprint(list(opening)).whole)

    def _learn(self, benchmark: Benchmark, sample: Sample, opening: bytes) -> None:
        """A sample that is put another way is known by its tools as well: their order may be all that was changed."""
        light = replace(sample, input=_light(sample.input))
        if sample.variation:
            tools = benchmark.outline(sample).requests[0].body.get("tools")
            self._varied.setdefault((opening, _in_order(tools)), (benchmark, light))
        else:
            self._known.setdefault(opening, (benchmark, light))

    def __len__(self) -> int:
        return len(self._known) + len(self._varied)

    def lookup(
        self, messages: Sequence[Message], prints: Fingerprint | None = None, tools: Json = None
    ) -> Known | None:
        """The sample that a conversation is about.

        Args:
            messages: the whole conversation so far.
            prints: their fingerprint, when it is known already.
            tools: what is offered with it.
        """
        prints = prints or fingerprint(messages)
        offered = _in_order(tools) if self._varied else b""
        for opening in prints.openings:
            known = self._varied.get((opening, offered)) or self._known.get(opening)
            if known is not None:
                return known
        return None

    def answer(self, messages: Sequence[Message], prints: Fingerprint | None = None) -> Answer | None:
        """What a perfect vendor answers to `messages`; None when the book does not know."""
        known = self.lookup(messages, prints)
        return known[0].exemplar(known[1], messages) if known else None


def _in_order(tools: Json) -> bytes:
    """Digest of tools as they stand, in their order."""
    return blake2b(orjson.dumps(tools or None, default=dict), digest_size=16).digest()


def _light(value: Json) -> Json:
    """What a benchmark needs for its exemplar: everything but the bytes of pictures."""
    match value:
        case bytes():
            return b""
        case Mapping():
            return {key: _light(item) for key, item in value.items()}
        case _:
            return value


def compose(call: Call, book: AnswerBook, rules: ThinkingRules) -> Answer:
    """The answer to `call`: the book's, or one made by rule; with tool calls and reasoning as asked for."""
    answer = _with_tools(_known(call, book) or Answer(content=_content(call)), call)
    reasoning = (answer.reasoning or _reasoning(call, rules)) if call.thinking else ""
    return replace(answer, reasoning=reasoning)


def _known(call: Call, book: AnswerBook) -> Answer | None:
    """The book's answer; None when the question needs a sharper picture than the vendor sees."""
    known = book.lookup(call.messages, call.fingerprint, call.body.get("tools"))
    if known is None or (call.sight is Sight.BLURRED and known[1].detail == FINE):
        return None
    return known[0].exemplar(known[1], call.messages)


def _content(call: Call) -> str:
    """What the rules say to a conversation that no benchmark knows."""
    if call.schema is not None:
        return orjson.dumps(_object(call)).decode()
    if judgement := judged(call.messages):
        return judgement
    if digits := seen(call.messages):  # so large that they outlive any blurring
        return digits
    if call.sight is not Sight.CLEAR or has_pictures(call.messages):
        return guess(last_user_text(call.messages), call.fingerprint.whole)
    if results := results_of(call.messages):
        return _told(results)
    if told := dictated(call.messages):
        return told
    text = last_user_text(call.messages)
    if exactly := _exactly(text):
        return exactly
    if words := code_words(text):
        return words
    return (call.effort if call.thinking else NO_EFFORT) if ASKS_EFFORT in text else SENTENCE


def _told(results: Sequence[ToolResult]) -> str:
    """What the tools answered; where there were several calls, each stands behind its first argument."""
    if len(results) == 1:
        return f"The tool answered: {results[0].text}"
    return "\n".join(f"{result.about}: {result.text}" for result in results)


def _exactly(text: str) -> str:
    """The text that the user asks for word for word; empty when there is none."""
    found = _EXACTLY.search(text) if "exactly" in text.casefold() else None  # most texts lack it, and some are long
    return found[1].strip() if found else ""


def _object(call: Call) -> Json:
    """The smallest value that the schema allows; of any object, the keys that the user names."""
    value: Json = minimal(call.schema)
    if value == {}:
        return dict.fromkeys(keys_in(last_user_text(call.messages)), "text")
    return value


def _reasoning(call: Call, rules: ThinkingRules) -> str:
    """A thought that grows with the effort. It has more steps, or a certain word, if the user asks for them."""
    level = _place(call.effort, rules)
    text = last_user_text(call.messages)
    folded = text.casefold()  # most texts ask for neither, and some are long
    steps = _STEPS.search(text) if "think in at least" in folded else None
    word = _WORD_IN_THOUGHT.search(text) if "in your thoughts" in folded else None
    count = max(4**level, int(steps[1]) if steps else 1)
    thought = " ".join(THOUGHT.format(step) for step in range(1, count + 1))
    return f"{thought} {word[1]} is written here, and the thought goes on. {thought}" if word else thought


def _place(effort: str, rules: ThinkingRules) -> int:
    """How hard an effort is: its place among the levels. A number has the place that it has in its range."""
    if effort in rules.efforts:
        return rules.efforts.index(effort)
    if rules.effort_range is None or not effort.isdecimal():
        return 0
    low, high = rules.effort_range
    return round((int(effort) - low) / (high - low) * max(2, len(rules.efforts) - 1))


def _with_tools(answer: Answer, call: Call) -> Answer:
    """`answer` with the tool calls that `tool_choice` wants."""
    # a system message behind the question brings tools along, and is not what is answered
    spoken = last_message([message for message in call.messages if message.get("role") != "system"])
    if not answer.tool_calls and spoken.get("role") == "user":
        answer = _as_told(answer, call)
    calls = answer.tool_calls
    if call.tool_choice is ToolChoice.NONE:
        if not calls:
            return answer
        return replace(answer, tool_calls=(), content=answer.content or NO_CALL, finish_reason="stop")
    if call.tool_choice is ToolChoice.REQUIRED and call.tools:
        wanted = call.tool_name
        if not calls or (wanted and any(made.name != wanted for made in calls)):
            content = answer.content if answer.tool_calls else ""
            answer = replace(answer, tool_calls=(_generated(_picked(call)),), content=content)
    if not call.parallel:
        answer = replace(answer, tool_calls=answer.tool_calls[:1])
    return _numbered(answer, call) if answer.tool_calls else answer


def _as_told(answer: Answer, call: Call) -> Answer:
    """The calls that the user asks for in words, beside the text that the user asks for; else `answer`."""
    text = last_user_text(call.messages)
    calls = calls_for(text, call.tools)
    return replace(answer, tool_calls=calls, content=_exactly(text)) if calls else answer


def _picked(call: Call) -> Tool:
    """The named tool, else the one that the user speaks of most, else the first."""
    if call.tool_name:
        return next((tool for tool in call.tools if tool.name == call.tool_name), call.tools[0])
    return closest(last_user_text(call.messages), call.tools)


def _generated(tool: Tool) -> ToolCall:
    """A call of `tool` with the smallest arguments that its schema allows."""
    arguments = minimal(tool.parameters) if tool.parameters else {}
    return call_of(tool.name, arguments)


def _numbered(answer: Answer, call: Call) -> Answer:
    """`answer` with an id for every call that has none, counted on from the calls so far."""
    calls = tuple(
        replace(made, id=made.id or call.id_format.format(name=made.name, index=number))
        for number, made in enumerate(answer.tool_calls, past_calls(call.messages))
    )
    finish = "tool_calls" if answer.finish_reason == "stop" else answer.finish_reason
    return replace(answer, tool_calls=calls, finish_reason=finish)


def stopped(answer: Answer, stops: Sequence[str]) -> Answer:
    """`answer` with its content ended before the first of `stops`."""
    found = [at for at in (answer.content.find(stop) for stop in stops) if at >= 0]
    return replace(answer, content=answer.content[: min(found)]) if found else answer
