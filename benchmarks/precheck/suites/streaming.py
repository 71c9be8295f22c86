"""Streams: well formed from the role to `[DONE]`, of the same shape as plain answers, and sent as they are written."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from benchmarks.precheck.again import TRIES, ProbeFinding, defect, judged, open_after, slip
from benchmarks.precheck.ask import ask
from benchmarks.precheck.causes import USAGE_MISSING, ProbeCause
from benchmarks.precheck.probe import Probe, broken, holds
from benchmarks.precheck.suites import stream_contract
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.benchmark import Options
from kvv_action.digits import counted
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Request, Score
from kvv_action.verdict.pace import FEW, held_back

# fmt: off
STREAM_IGNORED = ProbeCause("streams are not streams",
    "answer stream: true with text/event-stream, and everything else with one JSON document")
CHUNKS_MALFORMED = ProbeCause("chunks of a stream are not well formed",
    "send chat.completion.chunk objects in UTF-8, the role in the first, choices empty only beside usage")
END_MALFORMED = ProbeCause("the end of a stream is not well formed",
    "send finish_reason once, then usage, then [DONE], and close the stream; check proxies that rewrite events")
REASONING_LATE = ProbeCause("reasoning is streamed after content",
    "check the reasoning parser's streaming path: text before the end of thinking must not go out as content")
USAGE_EARLY = ProbeCause("usage is not in the last chunk of a stream",
    "send usage with or after the finish_reason: clients read it from the last chunk")
STREAMS_MIXED = ProbeCause("chunks of one stream carry different ids or models",
    "keep one id and one model for a stream; if ids of other requests turn up, answers are being mixed")
SHAPE_DIFFERS = ProbeCause("streamed and plain answers do not hold the same fields",
    "fill content, reasoning_content, finish_reason and model in both modes; check the parsers' streaming path")
FAKED = ProbeCause("long answers are streamed in a few pieces",
    "send a chunk for each step of generation; look for middleware that collects the answer first")
BUFFERED = ProbeCause("streams are held back and sent at the end",
    "turn response buffering off in every proxy (nginx: proxy_buffering off, X-Accel-Buffering: no) and flush")
# fmt: on

SYMPTOMS: Mapping[str, ProbeCause] = {
    symptom: cause
    for cause, symptoms in (
        (STREAM_IGNORED, "stream-ignored"),
        (STREAMS_MIXED, "id-changed model-changed"),
        (REASONING_LATE, "reasoning-after-content"),
        (END_MALFORMED, "finish-reason-repeated text-after-finish no-done data-after-done held-open-after-done"),
        (END_MALFORMED, "unclean-end-after-done"),
        (USAGE_EARLY, "usage-not-last usage-unreadable"),
        (CHUNKS_MALFORMED, "role-missing chunk-without-choices chunk-with-empty-choices content-type-wrong"),
        (CHUNKS_MALFORMED, "invalid-utf8 lone-surrogate odd-json"),
    )
    for symptom in symptoms.split()
}  # fmt: skip
"""What the client noticed, and its cause, the most telling first. Other words (`compressed-unasked`) do no harm."""

NUMBERS = f"Reply with exactly: {' '.join(map(str, range(1, 241)))}"
"""An answer of at least 240 tokens."""
LONG = 200
"""Tokens from which on an answer's pace is judged."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    yield from stream_contract.probes(profile, options)
    form = ask(profile, "Say in one sentence why the sky is blue.", stream=True)
    yield Probe(id="streaming.protocol", requests=(form,), judge=_well_formed)
    modes = tuple(ask(profile, "What is 12 + 30? Reply with the number.", stream=stream) for stream in (True, False))
    yield Probe(
        id="streaming.shape", requests=modes, judge=_same_shape, then=partial(_missing_again, modes), at_most=len(modes)
    )
    long = ask(profile, NUMBERS, stream=True)
    yield Probe(
        id="streaming.pace",
        requests=(long,),
        judge=partial(judged, _paced),
        then=partial(_paced_again, long),
        at_most=TRIES - 1,
    )


def _well_formed(exchanges: Sequence[Exchange]) -> Score:
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    found = [symptom for symptom in SYMPTOMS if symptom in answer.anomalies]
    if found:
        return broken(f"the client noticed: {', '.join(found)}", SYMPTOMS[found[0]])
    return holds(f"{counted(answer.chunks, 'chunk')}, finish_reason {answer.finish_reason}")


def _fields(answers: Sequence[Completion]) -> dict[str, bool]:
    """Which fields at least one of `answers` has; content may be missing from an answer that was cut off."""
    return {
        "content": any(answer.content or answer.finish_reason == "length" for answer in answers),
        "reasoning": any(answer.reasoning for answer in answers),
        "finish_reason": any(answer.finish_reason for answer in answers),
        "usage": any(answer.usage for answer in answers),
        "model": any(answer.model for answer in answers),
    }


def _uneven(exchanges: Sequence[Exchange]) -> dict[str, str]:
    """The fields that only one mode has, and which one; requests went out streamed and plain in turn.

    Raises:
        Undecided: a request has no answer.
    """
    answers = [answer_of(exchange) for exchange in exchanges]
    if len(answers) < 2:
        raise Undecided("not both modes were answered")
    streamed, plain = _fields(answers[::2]), _fields(answers[1::2])
    return {name: "streamed" if there else "plain" for name, there in streamed.items() if there != plain[name]}


def _same_shape(exchanges: Sequence[Exchange]) -> Score:
    uneven = _uneven(exchanges)
    sent = [exchange.completion.streamed for exchange in exchanges[:2] if exchange.completion]
    if sent != [True, False]:
        what = "a document came for a stream" if not sent[0] else "a stream came for a document"
        return broken(what, STREAM_IGNORED)
    if not uneven:
        return holds("both modes hold the same fields")
    where = ", ".join(f"{name} only when {mode}" for name, mode in uneven.items())
    return broken(where, USAGE_MISSING if set(uneven) == {"usage"} else SHAPE_DIFFERS)


def _missing_again(modes: Sequence[Request], exchanges: Sequence[Exchange]) -> Request | None:
    """Both modes once more when a text is missing from one: a model may think once, and not the next time."""
    try:
        uneven = _uneven(exchanges)
    except Undecided:
        return None
    texts = {"content", "reasoning"} & set(uneven)
    return modes[len(exchanges) % 2] if len(exchanges) == 3 or (texts and len(exchanges) == 2) else None


def _paced(exchange: Exchange) -> ProbeFinding | str:
    """Whether a long stream came bit by bit.

    Raises:
        Undecided: there is no long answer, or nobody can tell its times.
    """
    answer = answer_of(exchange)
    if not answer.streamed:
        return defect("a document came for a stream", STREAM_IGNORED)
    tokens = max(count_of(answer, "completion_tokens") or 0, (len(answer.content) + len(answer.reasoning)) // 4)
    if tokens <= LONG:
        raise Undecided(f"the answer is too short to judge its pace ({counted(tokens, 'token')})")
    if answer.chunks < FEW:
        return defect(f"{tokens} tokens came in {counted(answer.chunks, 'chunk')}", FAKED)
    if held_back(answer, tokens):
        if "client-late" in answer.anomalies:
            raise Undecided("this machine was too busy to tell at what times the answer came")
        times = f"first token after {answer.first_token:.2f} s of {answer.total:.2f} s"
        return slip(f"{times}, then {counted(tokens, 'token')} at once", BUFFERED)
    return f"{counted(tokens, 'token')} in {counted(answer.chunks, 'chunk')}, not all at the end"


def _paced_again(request: Request, exchanges: Sequence[Exchange]) -> Request | None:
    return request if len(exchanges) < TRIES and open_after(_paced, exchanges[-1]) else None
