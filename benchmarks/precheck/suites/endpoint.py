"""The endpoint answers: a list of models, and a plain request, whose answer must be exactly the text that it names."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import orjson

from benchmarks.precheck.ask import MODES, ask
from benchmarks.precheck.causes import MODEL_UNLISTED, MODELS_BROKEN, PLAIN_EMPTY, PLAIN_REFUSED, ProbeCause
from benchmarks.precheck.frames import DATA, read
from benchmarks.precheck.logprobs import problem_in
from benchmarks.precheck.probe import REFUSALS, Probe, broken, completions, holds, informs, refused, weighed
from benchmarks.precheck.suites.text import SHORT, copying, judged_copies
from benchmarks.precheck.usage import answer_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Json, Request, Score, Severity

# fmt: off
LOGPROBS_MALFORMED = ProbeCause("log probabilities are malformed",
    "send logprobs.content as a list of {token, logprob, bytes, top_logprobs}, or refuse logprobs with HTTP 400")
# fmt: on
ABSENT = (404, 405, 501)
"""Statuses by which an endpoint says that it has no list of models."""

TOP, ENOUGH = 2, 512
"""`top_logprobs` that are asked for, and `max_tokens` of that request: every token of thinking may have some."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    yield Probe(id="endpoint.models", requests=(Request(path="models"),), judge=partial(_lists, options.model))
    for name, stream in MODES:
        asked = copying(profile, f"endpoint.answer.{name}", SHORT, stream=stream, tier="smoke")
        yield replace(asked, judge=_answers)
    level = Severity.WARNING if options.contract == "official" else Severity.INFORMATION
    for name, stream in MODES:
        hello = ask(
            profile, "Say hello in one word.", stream=stream, logprobs=True, top_logprobs=TOP, max_tokens=ENOUGH
        )
        request = replace(hello, verbatim=True)
        yield Probe(id=f"endpoint.logprobs.{name}", requests=(request,), judge=partial(_weighs, level), tier="full")


def _lists(model: str, exchanges: Sequence[Exchange]) -> Score:
    """A list that names the model, or a clear absence of the list."""
    (exchange,) = exchanges
    if exchange.rejection is not None:
        if exchange.rejection.status in ABSENT:
            return holds(f"there is no list of models ({refused(exchange)})")
        return broken(f"the list of models was refused: {refused(exchange)}", MODELS_BROKEN)
    (answer,) = completions(exchanges)
    try:
        names = [str(entry["id"]) for entry in orjson.loads(answer.content)["data"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return broken("the list of models is not of the form {data: [{id}]}", MODELS_BROKEN)
    if model not in names:
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        return broken(f"{model} is not among the {len(names)} models listed ({shown})", MODEL_UNLISTED)
    return holds(f"{model} is among the {len(names)} models listed")


def _answers(exchanges: Sequence[Exchange]) -> Score:
    if reason := refused(exchanges[0]):
        return broken(f"refused: {reason}", PLAIN_REFUSED)
    answer = completions(exchanges)[0]
    if not (answer.content or answer.reasoning):
        return broken("the answer holds no text", PLAIN_EMPTY)
    with suppress(Undecided):  # what was cut off is an answer all the same
        if damaged := judged_copies(SHORT, exchanges):
            return damaged
    return holds(f"answered, finish_reason {answer.finish_reason}")


def _weighs(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    """Log probabilities need not be there; those that are there have the form of OpenAI's API.

    Raises:
        Undecided: there is no answer, or a refusal for another reason.
    """
    if not exchanges:
        raise Undecided("there is no answer")
    rejection = exchanges[0].rejection
    if rejection is not None and rejection.status in REFUSALS:
        return informs(f"logprobs is refused: {refused(exchanges[0])}")
    found = list(_logprobs(answer_of(exchanges[0]).content))
    if not found:
        return informs("logprobs is accepted, and none come")
    problem = next(filter(None, (problem_in(one, TOP) for one in found)), "")
    if problem:
        return weighed(broken(problem, LOGPROBS_MALFORMED), level)
    return holds(f"log probabilities in {len(found)} pieces of the answer")


def _logprobs(body: str) -> Iterator[Json]:
    """The log probabilities of each choice that has some, in a stream or a document."""
    if body.lstrip().startswith((DATA, ":", "event:", "id:", "retry:")):
        choices: list[Json] = [choice.value for _, choice in read(body).choices()]
    else:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        listed = document.get("choices") if isinstance(document, dict) else None
        choices = listed if isinstance(listed, list) else []
    for choice in choices:
        if isinstance(choice, Mapping) and choice.get("logprobs") is not None:
            yield choice["logprobs"]
