"""A journal of somebody else may hold anything: it is read, or refused with a message, and never breaks the reader."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from kvv_action.errors import JournalError, KvvError
from kvv_action.journal.file import Journal, Reader
from kvv_action.redact import Redactor
from kvv_action.report.files import render
from kvv_action.verdict.report import build
from tests.ask.fakes import FakeClient, Quiz, make_run

GONE = object()
WRONG: tuple[Any, ...] = (GONE, None, -1, 10**15, 2**63, 1e308, "x", [], [[]], {}, {"a": 1}, True)
CHECKED = {"checks": {"version": 3, "markers": ["<think>"], "names": ["m"]}, "max-broken-tries": 0.02, "given": ["x"]}


@pytest.fixture
async def records(tmp_path: Path) -> list[dict[str, Any]]:
    """The lines of a finished run whose answers are checked."""
    run = make_run(tmp_path, Quiz(calls=2))
    await run.session(FakeClient())
    found = [dict(record) for record in Reader(run.path)]
    found[0]["plan"] = {**found[0]["plan"], "choices": CHECKED}
    return found


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.unlink(missing_ok=True)
    with Journal(path, Redactor()) as journal:
        for record in records:
            journal.append({name: value for name, value in record.items() if name != "prev"})
    return path


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a line; of a list, to its first item."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, one in items:
        if name != "prev":
            yield (*place, name)
            yield from places(one, (*place, name))


def changed(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy = deepcopy(record)
    inner: Any = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    if value is GONE:
        del inner[place[-1]]
    return copy


@pytest.mark.parametrize("kind", ["session", "answer", "score", "end"])
def test_no_value_of_a_line_breaks_the_reader(kind: str, records: list[dict[str, Any]], tmp_path: Path) -> None:
    """Each value in turn becomes one of another type, or one that no run has; the chain holds."""
    number = next(number for number, record in enumerate(records) if record["kind"] == kind)
    refused, tried = 0, 0
    for place in places(records[number]):
        for wrong in WRONG:
            forged = [*records[:number], changed(records[number], place, wrong), *records[number + 1 :]]
            tried += 1
            try:
                render(build(written(tmp_path / "forged.jsonl", forged)))
            except KvvError:
                refused += 1
    assert refused > tried / 4  # the rest may say so: any text is a text


@pytest.mark.parametrize(
    ("kind", "place", "wrong", "told"),
    [
        ("session", ("plan", "benchmarks", 0, "epochs"), 10**12, "epochs cannot be a plan"),
        ("session", ("plan", "benchmarks", 0, "samples"), -4, "-4 samples"),
        ("session", ("started",), 1e300, "a time is not a number of seconds since 1970"),
        ("session", ("plan", "choices", "checks", "names"), [7], "choices.checks is not as kvv writes it"),
        ("session", ("plan", "tier"), "", "tier is '', and none of smoke, standard, full"),
        ("answer", ("completion", "content"), 7, "content cannot be a number"),
        ("answer", ("completion", "attempts", 0, "started"), "x", "started cannot be a text"),
        ("answer", ("sample",), [1], "sample cannot be a list"),
        ("score", ("score", "explanation"), 7, "explanation cannot be a number"),
        ("score", ("score", "counts"), {"a": "b"}, "metrics and counts of a score are numbers"),
        ("score", ("score", "counts"), {"a": 2**63}, "metrics and counts of a score are numbers"),
        ("end", ("reason",), 7, "reason cannot be a number"),
    ],
)
def test_what_is_wrong_is_told(
    kind: str, place: tuple[Any, ...], wrong: Any, told: str, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    """The message names the value, for whoever was given the journal."""
    number = next(number for number, record in enumerate(records) if record["kind"] == kind)
    records[number] = changed(records[number], place, wrong)
    with pytest.raises(JournalError, match=r".*") as caught:
        build(written(tmp_path / "forged.jsonl", records))
    assert told in str(caught.value)
