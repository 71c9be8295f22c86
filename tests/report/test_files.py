"""report.json and what follows from it: the same bytes again, by a published schema."""

from dataclasses import replace

import jsonschema
import orjson
import pytest

from kvv_action.errors import KvvError
from kvv_action.report.files import canonical, manifest, parse, render, sha256
from kvv_action.schema import Counts, RunReport
from tests.report.reports import HOSTILE, REPORT, RESULT, hostile, with_result
from writers.schemas import schema_of

CLEAN = " ".join(text for text in HOSTILE if "\ud800" not in text)
REPORTS = [REPORT, with_result(score=None, interval=None, bounds=None, reference=None), hostile(CLEAN)]


@pytest.mark.parametrize("report", REPORTS)
def test_rendering_a_parsed_report_gives_the_same_bytes(report: RunReport) -> None:
    """All files, so `kvv render` can make them again."""
    once = render(report)
    assert render(parse(once["report.json"])) == once


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_valid_by_its_schema(report: RunReport) -> None:
    """JSON Schema 2020-12, as published."""
    jsonschema.Draft202012Validator(schema_of(RunReport)).validate(orjson.loads(canonical(report)))


def test_the_schema_is_a_schema() -> None:
    """And it refuses what is not a report."""
    jsonschema.Draft202012Validator.check_schema(schema_of(RunReport))
    assert not jsonschema.Draft202012Validator(schema_of(RunReport)).is_valid({"schema_version": 1})


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_another_schema_version_is_refused(version: object) -> None:
    """With both versions; nothing is guessed."""
    text = orjson.dumps({**orjson.loads(canonical(REPORT)), "schema_version": version})
    named = "no schema version" if version is None else f"schema version {version!r}"
    with pytest.raises(KvvError, match=f"x.json: has {named}; this version reads 1"):
        parse(text, "x.json")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"score": 1e308}, "a score, bound or interval of 1e.308"),
        ({"distributions": {"answer": {"edges": [-1, 2], "counts": [1]}}}, "each count of a histogram lies between"),
    ],
)
def test_numbers_that_no_report_has_are_refused(changes: dict[str, object], told: str) -> None:
    """Pictures and bars could not be drawn of them."""
    said = orjson.loads(canonical(REPORT))
    said["benchmarks"][0] |= changes
    with pytest.raises(KvvError, match=f"x.json: .*{told}"):
        parse(orjson.dumps(said), "x.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"3", b'"x"', b"\xff\xfe", b"<xml/>"])
def test_what_is_not_a_report_is_refused(text: bytes) -> None:
    """An explained error."""
    with pytest.raises(KvvError, match="not a report of kvv"):
        parse(text)


def test_a_wrong_field_is_named() -> None:
    """By its path."""
    content = orjson.loads(canonical(REPORT))
    content["benchmarks"][0]["verdict"] = "perhaps"
    with pytest.raises(KvvError, match=r"benchmarks\.0\.verdict: Input should be"):
        parse(orjson.dumps(content))


def test_denominators_that_do_not_add_up_are_refused() -> None:
    """A report that was edited by hand."""
    content = orjson.loads(canonical(REPORT))
    content["benchmarks"][0]["counts"]["failed"] = 7
    with pytest.raises(KvvError, match=r"benchmarks\.0\.counts"):
        parse(orjson.dumps(content))


def test_the_parts_that_others_read() -> None:
    """Names and shapes that are promised in the architecture."""
    content = orjson.loads(canonical(REPORT))
    assert {"schema_version", "verdict", "benchmarks", "endpoint", "profile", "plan", "usage", "timing"} < set(content)
    (found,) = content["benchmarks"]
    assert (found["id"], found["verdict"], found["interval"], found["metrics"]) == (
        "quiz", "fail", [0.1, 0.9], {"accuracy": 0.5},
    )  # fmt: skip
    assert set(found["counts"]) == {"planned", "sent", "scored", "unparsed", "failed", "skipped"}


def test_canonical_json_is_sorted_and_ends_with_a_newline() -> None:
    """The same value is the same bytes."""
    assert canonical({"b": 1, "a": 2}) == b'{\n  "a": 2,\n  "b": 1\n}\n'


def test_the_manifest_names_everything() -> None:
    """Digests of files, journal, plan, profile, datasets; versions of benchmarks and packages."""
    report = replace(REPORT, benchmarks=(RESULT,))
    found = orjson.loads(manifest(report, {"report.json": sha256(b"x")}))
    assert found["files"] == {"report.json": {"sha256": sha256(b"x")}}
    assert found["journal"]["head"] == "b" * 64
    assert found["plan"] == "a" * 64
    assert found["datasets"]["quiz"]["digest"] == "d" * 64
    assert found["benchmarks"] == {"quiz": "1"}
    assert found["provenance"]["packages"] == {"httpx": "1"}


def test_refusals_are_written_only_where_there_are_any() -> None:
    """Reports from before they were counted keep their bytes."""
    counts = Counts(planned=3, sent=3, scored=2, unparsed=0, failed=1, skipped=0)
    assert b"refused" not in canonical(counts)
    refused = Counts(planned=3, sent=3, scored=2, unparsed=0, failed=0, skipped=0, refused=1)
    assert b'"refused": 1' in canonical(refused)
