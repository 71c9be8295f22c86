"""BEAM: what is asked of a conversation, and how the answers are judged."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from benchmarks.beam import prompts
from benchmarks.beam.conversation import (
    ABSTENTION,
    EVENT_ORDERING,
    RESERVE,
    Conversation,
    Fitting,
    ProbingQuestion,
    digest_of,
    fit,
    questions,
)
from benchmarks.beam.diagnosis import CAUSES, RULES, TRUNCATED, metrics, truncated
from benchmarks.beam.evidence import EvidenceFinder, third
from benchmarks.beam.judgement import (
    Judgements,
    JudgeQuestion,
    Scoring,
    alignment,
    asked_of,
    by_pairs,
    judgements,
    pairs_of,
    replayed,
    unread,
    value_of,
)
from benchmarks.beam.layout import FOLDERS, layout, tidy
from benchmarks.beam.options import BeamOptions
from benchmarks.tokenizer import counter
from kvv_action.benchmark import USUAL, BenchmarkBase, DatasetPin, Generate, Options, Outline, Rows, Sandbox, Typical
from kvv_action.errors import EndpointError, JudgeError, ScoringError
from kvv_action.plan.tokens import of_body
from kvv_action.profiles import token_cases
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.schema import (
    JUDGE,
    Answer,
    BenchmarkKind,
    Completion,
    Exchange,
    Message,
    Observation,
    Request,
    Sample,
    Score,
    Thinking,
)

FITTING = "fitting"
LOST = "I do not remember anything about that."
_SIZES = {"128k": (400, "e0304f53ee307449f9566b5831e8416f13de5d24d26eb53dc719dda43ea78a92", 122_700),
         "500k": (700, "969a7f91ed5054f53e86b9e788a4079ff6292bbc5026d172568765a044768273", 480_000),
         "1m": (700, "", 1_000_000)}  # fmt: skip
"""By size: questions, digest of their content, and tokens of a usual prompt."""


def _pin_of(size: str) -> DatasetPin:
    """The data of one size, in whichever layout."""
    count, digest, prompt = _SIZES[size]
    return DatasetPin(
        hub_id="Mohammadta/BEAM",
        split=FOLDERS[size],
        revision="",
        count=count,
        digest=digest,
        columns=("chat_id", "messages", "questions"),
        licence="CC BY-SA 4.0, by a derived dataset; not stated at the source",
        files=(f"*{FOLDERS[size]}*.parquet", "README.md"),
        layout=partial(layout, size),
        tidy=tidy,
        size=lambda row: len(row["questions"]),
        prompt=prompt,
    )


PINS = {size: _pin_of(size) for size in ("1m", "128k", "500k")}


class Beam(BenchmarkBase):
    """Mean share of the criteria of a question that its answer meets."""

    id = "beam"
    title = "BEAM"
    metric = "rubric_score"
    kind = BenchmarkKind.SCORED
    pin = PINS["1m"]
    aggregate = "rubric"
    score_rules = RULES
    causes = CAUSES
    chained = True
    judged = True
    published_decides = False
    typical = Typical(thinking=3000, plain=250, source="assumed: nothing is published")

    def __init__(self, options: Options = USUAL, own: BeamOptions | None = None) -> None:
        own = own or BeamOptions()
        size = own.beam_size if own.beam_size != "auto" else "1m" if options.tier == "full" else "128k"
        self.pin = PINS[size]
        self._scoring = Scoring(own.beam_scoring)
        self._count = counter(options.tokenizer) if options.tokenizer else None
        self.comparable = self._count is not None
        self.published_fits = self.comparable and size == "1m" and self._scoring is Scoring.UPSTREAM
        fitted = "fitted by the tokenizer" if self._count else "fitted by an estimate"
        self.version = f"1 ({self._scoring} scoring, {fitted}, judge {options.judge_model or 'embedded'})"
        self._room: int | None = None
        self._framed: Callable[[Sequence[Message]], int] = len
        self._fitted: dict[str, Fitting] = {}
        self._evidence = EvidenceFinder()

    @classmethod
    def pins(cls) -> Sequence[DatasetPin]:
        """Those of all sizes, the usual one first."""
        return tuple(PINS.values())

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """The questions of one conversation after another; they share its texts."""
        assert rows is not None
        self._learn(profile)
        for number, row in enumerate(rows, 1):
            for question in questions(row, number):
                yield Sample(
                    id=question.id, input=question, target=question.gold, category=question.ability,
                    cluster=question.conversation.id,
                )  # fmt: skip

    def _learn(self, profile: Profile) -> None:
        """Read from the profile how many tokens a conversation may have."""
        most = profile.benchmarks.get(self.id, BenchmarkRules()).sampling.get("max_tokens", 0)
        window = profile.context_window
        self._framed = partial(_framed, profile)
        self._room = None if window is None else max(0, window - int(most) - RESERVE)
        if self._count is None:
            self.notes = (
                "conversations are fitted by an estimate of their tokens, so no reference is used: tokenizer",
            )

    def opening(self, sample: Sample) -> Sequence[Message]:
        """What fits of the conversation, and the question."""
        question: ProbingQuestion = sample.input
        start = self._fitting(question.conversation).start
        return prompts.asked(question.conversation.messages[start:], question.text)

    def _fitting(self, conversation: Conversation) -> Fitting:
        if conversation.id not in self._fitted:
            fitted = fit(conversation.messages, self._room, self._count)
            template = self._framed(conversation.messages[fitted.start :])
            self._fitted[conversation.id] = replace(fitted, template=template)
        return self._fitted[conversation.id]

    def outline(self, sample: Sample) -> Outline:
        """The question; then the judge, as often as a right answer has it asked."""
        question: ProbingQuestion = sample.input
        fitted = self._fitting(question.conversation)
        pairs = by_pairs(question, self._scoring)
        asked = pairs_of(question) if pairs else asked_of(question, question.gold, self._scoring)
        judged = tuple(_to_judge(one) for one in asked)
        messages = self.opening(sample)
        around = of_body({"messages": [{**one, "content": ""} for one in messages[:-1]] + [messages[-1]]})
        usual, most = (max(fitted.template, one or 0.0) for one in (around.expected, around.ceiling))
        prompt = (fitted.tokens + usual, fitted.most + most)
        return Outline(requests=(Request(messages=messages), *judged), prompts=(prompt,))

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """Ask the question, then have the answer judged; an empty one only where saying nothing may be right.

        Raises:
            EndpointError: the model cannot be asked.
            JudgeError: the judge cannot, or its reply cannot be read.
        """
        del sandbox
        question: ProbingQuestion = sample.input
        conversation = question.conversation
        generate.observe(FITTING, self._fitting(conversation).facts(len(conversation.messages)))
        exchange = await generate(Request(messages=self.opening(sample)))
        assert exchange.completion is not None
        answer = exchange.completion.content.strip()
        if not _is_judged(question, answer):
            return
        if by_pairs(question, self._scoring):
            await _aligned(question, answer, generate)
            return
        asked = asked_of(question, answer, self._scoring)
        replies = await _judged(asked, generate)
        replies += await _judged(unread(asked, replies), generate)
        judgements(asked, replies)

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """What the judge said, by the chosen rules; asks nobody.

        Raises:
            ScoringError: the evidence is of another conversation.
            JudgeError: the judge said nothing that can be read.
        """
        question: ProbingQuestion = sample.input
        fitted = _as_sent(question.conversation, exchanges)
        completion = next(one.completion for one in exchanges if one.by_vendor)
        assert completion is not None
        answer = completion.content.strip()
        if not _is_judged(question, answer):
            return self._scored(question, completion, fitted, None)
        replies = [one.completion.content for one in exchanges if one.endpoint == JUDGE and one.completion is not None]
        if by_pairs(question, self._scoring):
            return self._scored(question, completion, fitted, replayed(alignment(question, answer), replies))
        found = judgements(asked_of(question, answer, self._scoring), replies)
        return self._scored(question, completion, fitted, found)

    def _scored(
        self, question: ProbingQuestion, completion: Completion, fitted: Fitting, found: Judgements | None
    ) -> Score:
        value = 0.0 if found is None else value_of(found, self._scoring)
        part = third(question, self._evidence.places(question), fitted.start)
        counts = {} if found is None else {"judgements": len(found.items)}
        told = dict(metrics(value, part, completion, fitted))
        if found is not None and found.repeated is not None:
            counts |= {"judge_repeated": 1, "judge_agreed": int(found.agrees)}
            told["judge_agreement"] = float(found.agrees)
        return Score(
            value=value,
            answer=completion.content.strip(),
            explanation=_explained(found),
            unparsed=found is None,
            metrics=told,
            counts=counts,
            findings={TRUNCATED.sentence: TRUNCATED.remedy} if truncated(completion, fitted) else {},
        )

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer:
        """The ideal answer with all that its rubric wants, if what it rests on is among the messages."""
        question: ProbingQuestion = sample.input
        said = {message.get("content") for message in messages}
        whole = question.conversation.messages
        known = all(whole[place]["content"] in said for place in self._evidence.places(question))
        return Answer(content=_ideal(question) if known else LOST, reasoning="I look for it in what was said.")


def _framed(profile: Profile, messages: Sequence[Message]) -> int:
    """Tokens that the model's template puts around messages; 0 where it is not known."""
    if not profile.tokens.cases or not (cases := token_cases.load(profile.tokens.cases)).rendered:
        return 0
    effort = profile.thinking.default_effort or ""
    return cases.shares({"messages": messages}, thinking=True, effort=effort, otherwise=lambda _: 0).total()


def _ideal(question: ProbingQuestion) -> str:
    """The ideal answer, with what the rubric wants and the answer does not say."""
    if question.ability == EVENT_ORDERING:
        return "\n".join(question.rubric)
    said = question.gold
    for wanted in question.rubric:
        said += "" if wanted.casefold() in said.casefold() else f"\n{wanted}"
    return said


def _is_judged(question: ProbingQuestion, answer: str) -> bool:
    """Whether anything can be judged; to say nothing may be right where nothing is known."""
    return bool(answer) or question.ability == ABSTENTION


def _to_judge(one: JudgeQuestion) -> Request:
    return Request(messages=one.messages, endpoint=JUDGE, sampling=False, thinking=Thinking.UNSET)


async def _judged(asked: Sequence[JudgeQuestion], generate: Generate) -> list[str]:
    """The judge's replies; all are asked for at once.

    Raises:
        JudgeError: it gave no answer to one of them.
    """
    found = await asyncio.gather(*(generate(_to_judge(one)) for one in asked), return_exceptions=True)
    for one in found:
        if isinstance(one, EndpointError):
            raise JudgeError(f"the judge gave no answer: {one.message}") from one
        if isinstance(one, BaseException):
            raise one
    return [one.completion.content for one in found if isinstance(one, Exchange) and one.completion is not None]


async def _aligned(question: ProbingQuestion, answer: str, generate: Generate) -> None:
    """Ask the judge about pairs of events and lines, one after another. Raises JudgeError."""
    steps = alignment(question, answer)
    with suppress(StopIteration):
        one = next(steps)
        while True:
            (reply,) = await _judged([one], generate)
            one = steps.send(reply)


def _as_sent(conversation: Conversation, exchanges: Sequence[Exchange]) -> Fitting:
    """The fitting that the journal tells, held against the conversation.

    Raises:
        ScoringError: it is missing, or another conversation was sent.
    """
    seen: Observation | None = next((one.observation for one in exchanges if one.observation is not None), None)
    if seen is None or seen.name != FITTING:
        raise ScoringError("the evidence does not say what of the conversation was sent")
    facts = seen.data
    start = int(facts["start"])
    if digest_of(conversation.messages[start:]) != facts["sha256"]:
        raise ScoringError("what was sent is not this conversation from its message on")
    return Fitting(
        start=start, tokens=int(facts["tokens"]), most=int(facts["tokens"]), counted=bool(facts["counted"]),
        digest=str(facts["sha256"]), template=int(facts["template"]),
    )  # fmt: skip


def _explained(found: Judgements | None) -> str:
    if found is None:
        return "the answer is empty"
    items = ", ".join(f"{value:g}" for value in found.items)
    again = "" if found.repeated is None else f"; asked again, the judge said {found.repeated:g} of the first"
    return f"judged {items}{again}"
