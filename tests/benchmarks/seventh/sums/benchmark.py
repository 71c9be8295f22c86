"""Sums: two numbers are added; large sums count more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import ClassVar

import orjson

from kvv_action.benchmark import BenchmarkBase, DatasetPin, ExportSource, Generate, Options, Rows, Sandbox
from kvv_action.profiles.model import BenchmarkRules, Profile, PublishedReference
from kvv_action.schema import Answer, BenchmarkKind, Exchange, Message, Request, Sample, Score
from kvv_action.score_rule import Aggregate, Aggregated, Columns, Missing, Term
from kvv_action.statistics.intervals import clustered
from sums.options import SumsOptions

ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def roman(number: int) -> str:
    """A number from 1 to 39."""
    text = ""
    for value, letters in ROMAN:
        count, number = divmod(number, value)
        text += letters * count
    return text


def weighted_term(score: Score) -> Term:
    """The points of an answer, and those that it could have had."""
    return float(score.counts["points"]), float(score.counts["possible"])


def weighted(columns: Columns, missing: Missing) -> Aggregated:
    """The share of points; every missing answer could have had three."""
    points, possible = sum(columns["points"]), sum(columns["possible"])
    if not possible:
        return Aggregated(score=None, interval=None, bounds=None, absent="no answer came")
    lost = 3 * missing.answers
    return Aggregated(
        score=points / possible,
        interval=clustered(columns["points"], columns["possible"]),
        bounds=(points / (possible + lost), (points + lost) / (possible + lost)),
        metrics={"points": float(points)},
    )


class Sums(BenchmarkBase):
    """The share of points that right sums are worth."""

    id = "sums"
    title = "Sums"
    metric = "share_of_points"
    kind = BenchmarkKind.SCORED
    aggregate = "points"
    pin = DatasetPin(
        hub_id="example/sums", split="test", revision="", count=60, digest="", columns=("a", "b"), licence="CC0"
    )
    options = SumsOptions
    extras = ("sums-*.jsonl",)
    rules = BenchmarkRules(
        sampling={"max_tokens": 64},
        reference=PublishedReference(value=0.9, source="by hand", date="2026-01-01"),
        margin=0.2,
    )
    score_rules: ClassVar = {"points": Aggregate(columns=("points", "possible"), compute=weighted, term=weighted_term)}

    def __init__(self, options: Options, own: SumsOptions) -> None:
        del options
        self._script = own.sums_script
        self.version = f"1 ({own.sums_script})"

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        del profile
        assert rows is not None
        for row in rows:
            a, b = int(row["a"]), int(row["b"])
            yield Sample(id=f"{a}+{b}", input=(a, b), target=str(a + b), category="large" if a + b > 20 else "small")

    def opening(self, sample: Sample) -> Sequence[Message]:
        a, b = (roman(number) if self._script == "roman" else str(number) for number in sample.input)
        return ({"role": "user", "content": f"What is the sum of {a} and {b}? Say the number alone."},)

    def vary(self, sample: Sample, draw: Random) -> Sample:
        del draw
        return replace(sample, input=sample.input[::-1], variation=("numbers exchanged",))

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        await generate(Request(messages=self.opening(sample)))

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        completion = exchanges[-1].completion
        assert completion is not None
        right, worth = completion.content.strip() == sample.target, 3 if sample.category == "large" else 1
        return Score(
            value=float(right),
            answer=completion.content[:40],
            explanation=f"right is {sample.target}",
            counts={"points": worth if right else 0, "possible": worth},
        )

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer:
        return Answer(reasoning="I add the two.", content=sample.target)

    async def export(self, out: Path, source: ExportSource) -> None:
        rows = (orjson.dumps({"id": sample.id, "sum": sample.target}) + b"\n" for sample in source.samples())
        (out / "sums-asked.jsonl").write_bytes(source.redactor.bytes(b"".join(rows)))
