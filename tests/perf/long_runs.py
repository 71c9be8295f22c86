"""Writes the journals of long runs: what `kvv run` would have written, without asking anybody."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import orjson

from entrypoint.prepare import PreparedRun, prepare, provenance
from entrypoint.settings import load
from kvv_action.journal.file import Journal
from kvv_action.journal.lines import answer_line, result_line
from kvv_action.plan.plan import Loaded
from kvv_action.plan.request import compose
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.schema import SCHEMA_VERSION, Attempt, Completion, Exchange, Place, Request, Sample, Score
from tests.report.reports import PLAN, PLANNED

BASE_URL = "http://127.0.0.1:9/v1"
SECONDS = 0.01
"""Between two answers."""


def problems(path: Path, count: int) -> Path:
    """A file of problems, as long as those of AIME 2025."""
    numbers = ((n, str((2 * n + 1) % 1000)) for n in range(count))
    rows = (
        {"id": f"p{n}", "problem": f"{_prose(7 * n, 2)}\n\nWhat is {n} plus {n + 1}?", "answer": answer}
        for n, answer in numbers
    )
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def settings_of(out: Path, data: Path, **further: str) -> dict[str, str]:
    """What such a run is started with, by field name."""
    return {
        "base_url": BASE_URL, "api_key": "sk-perf-0123456789abcdef", "model": "kimi-k2.6", "benchmarks": "aime2025",
        "precheck": "off", "tier": "full", "epochs": "1", "dataset": f"aime2025={data}", "out": str(out),
        "sequential": "false", "contract": "compatible", **further,
    }  # fmt: skip


def write(out: Path, data: Path, *, leave: int = 0, **further: str) -> int:
    """Write a journal whose last `leave` samples are missing; returns how many answers it has."""
    prepared = prepare(load(settings_of(out, data, **further)), None)
    out.mkdir(parents=True, exist_ok=True)
    began, items = time.time() - 1e6, list(_items(prepared))
    kept = items[: len(items) - leave]
    with Journal(out / JOURNAL, prepared.redactor) as journal:
        session = {"kind": "session", "schema": SCHEMA_VERSION, "session": 1, "started": began, "plan": prepared.plan}
        journal.append({**session, "provenance": provenance({})})
        for number, (place, sample, loaded) in enumerate(kept):
            at = began + SECONDS * number
            request = Request(messages=loaded.benchmark.opening(sample) or ())
            body, _ = compose(request, prepared.plan, loaded.planned, prepared.profile)
            exchange = Exchange(call=0, request=body.decode(), completion=_answer(sample, number, at))
            journal.append(answer_line(place, exchange, key=f"{number:064x}", request=f"{number:064x}"))
            score = Score(value=1.0, answer=str(sample.target), explanation="equal")
            journal.append(result_line(place, score, at + 1, calls=[0]))
        if not leave:
            journal.append({"kind": "end", "state": "complete", "reason": "", "at": began + SECONDS * len(kept) + 1})
    return len(kept)


def write_short(out: Path, count: int) -> None:
    """Write the journal of a run whose plan asks for no checks and whose answers are one sentence."""
    plan = replace(PLAN, benchmarks=(replace(PLANNED, samples=count, ids=(), reference=None, margin=None),))
    out.mkdir(parents=True)
    began = time.time() - 1e6
    with Journal(out / JOURNAL, Redactor()) as journal:
        session = {"kind": "session", "schema": SCHEMA_VERSION, "session": 1, "started": began, "plan": plan}
        journal.append({**session, "provenance": provenance({})})
        for number in range(count):
            place = Place(benchmark=PLANNED.id, sample=f"q{number}", index=number, epoch=0)
            at = began + SECONDS * number
            completion = replace(_answer(SHORT, number, at), content="The answer is 42.", reasoning="")
            exchange = Exchange(call=0, request=f'{{"messages":"q{number}"}}', completion=completion)
            journal.append(answer_line(place, exchange, key=f"{number:064x}", request=f"{number:064x}"))
            score = Score(value=1.0, answer="42", explanation="contained")
            journal.append(result_line(place, score, at + 1, calls=[0]))
        journal.append({"kind": "end", "state": "complete", "reason": "", "at": began + SECONDS * count + 1})


SHORT = Sample(id="q", input="", target="42")


def _items(prepared: PreparedRun) -> Iterator[tuple[Place, Sample, Loaded]]:
    for loaded in prepared.loaded:
        for index, sample in enumerate(loaded.samples()):
            if loaded.asks(sample.id):
                yield Place(benchmark=loaded.planned.id, sample=sample.id, index=index, epoch=0), sample, loaded


SENTENCE = (
    "we add both numbers so that the sum is odd and reduce it by a thousand where needed which leaves three digits at "
    "most then check result again from other side of this equation because mistakes happen easily while carrying"
)
ORDERS, STEP, STRIDES = 1009, 37, 31
"""In so many orders its words are kept; the first number is a prime, so that no answer has one of them twice."""


@cache
def _sentences() -> tuple[str, ...]:
    """The words of the sentence in many orders; drawing one for each answer would take longer than writing it."""
    draw, words = Random(0), SENTENCE.split()
    return tuple(" ".join(draw.sample(words, k=30)) for _ in range(ORDERS))


def _prose(seed: int, count: int) -> str:
    """So many sentences of 30 words, in another order for each answer."""
    known = _sentences()
    stride = STEP * (1 + seed % STRIDES)
    return " ".join(known[(seed + stride * number) % ORDERS] for number in range(count))


def _answer(sample: Sample, number: int, at: float) -> Completion:
    tokens = 300 + number % 97
    return Completion(
        content=f"{_prose(number, 2)}\n\nThe final answer is $\\boxed{{{sample.target}}}$.",
        reasoning=f"Let me think. {_prose(-number, 4)}",
        finish_reason="stop", usage={"prompt_tokens": 40, "completion_tokens": tokens, "total_tokens": 40 + tokens},
        model="kimi-k2.6", id=f"chatcmpl-{number}", streamed=True, chunks=300, raw_bytes=60_000, raw_sha256="0" * 64,
        first_token=0.2, total=1.0,
        attempts=(Attempt(number=1, started=at, duration=1.0, status=200),),
    )  # fmt: skip
