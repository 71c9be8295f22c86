"""The endpoint answers: a list of models, and a plain request, whose answer must be exactly the text that it names."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

import orjson

from benchmarks.precheck.ask import MODES
from benchmarks.precheck.causes import MODEL_UNLISTED, MODELS_BROKEN, PLAIN_EMPTY, PLAIN_REFUSED
from benchmarks.precheck.probe import Probe, broken, completions, holds, refused
from benchmarks.precheck.suites.text import SHORT, copying, judged_copies
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Request, Score

ABSENT = (404, 405, 501)
"""Statuses by which an endpoint says that it has no list of models."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    yield Probe(id="endpoint.models", requests=(Request(path="models"),), judge=partial(_lists, options.model))
    for name, stream in MODES:
        asked = copying(profile, f"endpoint.answer.{name}", SHORT, stream=stream, tier="smoke")
        yield replace(asked, judge=_answers)


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
