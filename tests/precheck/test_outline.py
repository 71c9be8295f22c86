"""How often a probe asks: the numbers that a plan is made of."""

import functools
import random
from collections.abc import Callable

import pytest

from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import all_probes
from kvv_action.benchmark import Options
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Rejection, ToolCall

Answer = Callable[[int], Exchange]

USAGE = {"prompt_tokens": 100, "completion_tokens": 500, "total_tokens": 600}
ORDERS = 60
"""Mixtures of answers that each probe gets at least, in an order of chance."""
ANSWERS: tuple[Answer, ...] = (
    lambda call: Exchange(call=call, completion=Completion(content="", finish_reason="stop", usage=USAGE)),
    lambda call: Exchange(call=call, completion=Completion(content="42", finish_reason="length", usage=USAGE)),
    lambda call: Exchange(call=call, completion=Completion(content="42", reasoning="so", finish_reason="stop")),
    lambda call: Exchange(call=call, completion=Completion(content="{}", finish_reason="stop")),
    lambda call: Exchange(call=call, completion=_called()),
    lambda call: Exchange(call=call, completion=_held_back()),
    lambda call: Exchange(call=call, rejection=Rejection(status=400, message="no", body="")),
    lambda call: ANSWERS[6 if 1 <= call <= 3 else 3](call),
)


def answers_to(probe: Probe) -> tuple[Answer, ...]:
    """What may come back: to a request for a copy also the text, whole and cut."""
    _, mark, copied = str(probe.requests[0].messages[0]["content"] if probe.requests[0].messages else "").partition(
        "\n=====\n"
    )
    text = copied.removesuffix("\n=====")
    copies = (lambda call: _said(call, text), lambda call: _said(call, text[:-9])) if mark else ()
    return (*ANSWERS, *copies)


def _said(call: int, content: str) -> Exchange:
    return Exchange(call=call, completion=Completion(content=content, finish_reason="stop", usage=USAGE))


def _called() -> Completion:
    calls = (ToolCall(id="functions.get_weather:0", name="get_weather", arguments='{"city":"Oslo"}'),)
    return Completion(content="", tool_calls=calls, finish_reason="tool_calls", usage=USAGE)


def _held_back() -> Completion:
    return Completion(
        content="1 " * 2000, finish_reason="stop", usage={**USAGE, "completion_tokens": 30_000}, streamed=True,
        chunks=400, first_token=10.0, total=10.1,
    )  # fmt: skip


def asked(probe: Probe, choose: Callable[[int], Answer], goes_on: Callable[[tuple[Answer, ...]], bool]) -> int:
    """Requests of a probe that gets the chosen answers."""
    chosen = tuple(choose(call) for call in range(len(probe.requests)))
    while goes_on(chosen):
        chosen += (choose(len(chosen)),)
        assert len(chosen) < 50, f"{probe.id} never ends"
    return len(chosen)


def asks_again(probe: Probe) -> Callable[[tuple[Answer, ...]], bool]:
    """Whether a probe asks once more after these answers; the same answers are looked at once."""

    @functools.cache
    def goes_on(chosen: tuple[Answer, ...]) -> bool:
        return bool(probe.then and probe.then([answer(call) for call, answer in enumerate(chosen)]))

    return goes_on


@pytest.mark.parametrize("profile", ["kimi-k2-0905", "kimi-k2.6", "kimi-k3"])
def test_no_probe_asks_more_often_than_it_says(profile: str) -> None:
    """Whatever comes back in whatever order, `at_most` further requests are made; each probe can reach it."""
    draws = random.Random(7)
    for probe in all_probes(loader.load(profile), Options(model=profile)):
        assert 0 <= probe.follows <= probe.at_most
        assert (probe.then is None) == (probe.at_most == 0)
        answers, goes_on = answers_to(probe), asks_again(probe)
        counts = [asked(probe, lambda call, answer=answer: answer, goes_on) for answer in answers]
        counts.append(asked(probe, lambda call, answers=answers: answers[-1 - call % 2], goes_on))
        most = len(probe.requests) + probe.at_most
        for number in range(400 if probe.then else 1):  # without `then` nothing follows, whatever comes back
            if number >= ORDERS and max(counts) == most:
                break
            counts.append(asked(probe, lambda call, answers=answers: draws.choice(answers), goes_on))
        assert max(counts) == most, probe.id
