"""Result files that other programs or accidents have changed: imported, or refused by row; never a traceback."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kvv_action.schema import Json
from tests.pipeline.command import kvv
from tests.toolcall.harness import request, result_row

ODD: tuple[Json, ...] = (
    None, 5, -1, 1.5, True, "x", "", "\ud800", "9" * 50, 10**30, float("nan"), float("inf"), [], [None], [5], [[]], {},
    {"id": None},
)  # fmt: skip


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield (*above, key)
        yield from places(below, (*above, key))


def mutated(rows: list[dict[str, Any]], rng: random.Random) -> bytes:
    """The rows as a file, with something of them missing, replaced, cut or damaged."""
    rows = copy.deepcopy(rows)
    for _ in range(rng.choice((1, 1, 2, 3))):
        row = rng.choice(rows)
        *way, last = rng.choice(list(places(row)) or [("data_index",)])
        within: Any = row
        for key in way:
            within = within[key]
        if rng.random() < 0.25 and within:
            del within[last]
        else:
            within[last] = copy.deepcopy(rng.choice(ODD))
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    at = rng.randrange(len(text))
    damaged = (b"\xef\xbb\xbf" + text, text[:at], text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :])
    return rng.choice(damaged) if rng.random() < 0.15 else text


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seeds", [500, pytest.param(10_000, marks=pytest.mark.perf)])
def test_no_file_makes_a_traceback(tmp_path: Path, seeds: int) -> None:
    """The import ends with a verdict, or with a sentence that names the file."""
    rows = [json.loads(json.dumps(result_row(number, request(f"q{number}"), "tool_calls"))) for number in range(1, 4)]
    source, ended = tmp_path / "results.jsonl", {0: 0, 1: 0, 2: 0, 3: 0}
    for seed in range(seeds):
        source.write_bytes(mutated(rows, random.Random(seed)))
        ran = kvv("import-k2vv", source, "--out", tmp_path / str(seed))
        assert ran.status in ended, f"seed {seed}: {ran.err}"
        assert ran.status != 2 or "results.jsonl" in ran.err or "data_index" in ran.err or "row" in ran.err, ran.err
        ended[ran.status] += 1
    assert ended[2] > seeds / 10
    assert ended[3] > seeds / 10


@pytest.mark.parametrize("depth", [200, 254, 255, 900, 5000])
@pytest.mark.parametrize("name", ["data_index", "status", "finish_reason", "response"])
def test_deep_values_make_no_traceback(tmp_path: Path, name: str, depth: int) -> None:
    """Some can be read and not written again; a refusal names the row, and a vendor's deep answer is judged."""
    row = json.dumps({**result_row(1, request("q1"), "tool_calls"), name: "@"}, default=dict)
    source = tmp_path / "results.jsonl"
    source.write_text(row.replace('"@"', "[" * depth + "]" * depth) + "\n")
    ran = kvv("import-k2vv", source, "--out", tmp_path / "out")
    assert ran.status in (2, 3), ran.err
    assert ran.status == 3 or "results.jsonl, " in ran.err
