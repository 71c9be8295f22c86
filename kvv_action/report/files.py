"""Renders all report files as bytes by name."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, make_dataclass
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from kvv_action.adapters import adapter
from kvv_action.errors import KvvError, in_words
from kvv_action.schema import SCHEMA_VERSION, Json, RunReport

REPORT, JUNIT, SUMMARY, HTML = "report.json", "junit.xml", "summary.md", "report.html"
MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"
CAPTURES = "captures.jsonl"
"""Next-token probabilities: of a baseline from two starts of its server, of a run that has one from its own server."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, an indent of two and a final newline: equal values give equal bytes."""
    written = value
    if isinstance(value, RunReport):
        written = _plain_report(value)
    elif is_dataclass(value):
        written = plain(value)
    return orjson.dumps(written, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _plain_report(report: RunReport) -> object:
    """The report without the fields that came later and are not set, so that old runs keep their bytes."""
    benchmarks = [
        plain(
            one,
            counts=plain(one.counts),
            diagnosis=[plain(found) for found in one.diagnosis],
            comparison=one.comparison and plain(one.comparison),
        )
        for one in report.benchmarks
    ]
    return plain(report, benchmarks=benchmarks, provenance=plain(report.provenance))


def plain(record: Any, **instead: Any) -> Any:
    """A record without its later, unset fields; a dataclass again, whose fields are written in their order."""
    found = {
        one.name: instead.get(one.name, getattr(record, one.name))
        for one in fields(record)
        if not one.metadata.get("later") or getattr(record, one.name) != one.default
    }
    return _shape(tuple(found))(**found)


@lru_cache
def _shape(names: tuple[str, ...]) -> type:
    return make_dataclass("Plain", names)


def version_in(text: bytes) -> Json:
    """The schema version that a JSON file of ours names; None for none.

    Raises:
        ValueError: the text is no JSON object.
    """
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found.get("schema_version")


def other_version(version: Json, read: int) -> str:
    """That a file is of another schema version than the one that is read."""
    said = "no schema version" if version is None else f"schema version {version!r}"
    return f"has {said}; this version reads {read}"


def parse(text: bytes, where: str = REPORT) -> RunReport:
    """Parse the bytes of `report.json`.

    Raises:
        KvvError: not a report, or another schema version.
    """
    try:
        version = version_in(text)
    except ValueError as error:
        raise KvvError(f"{where}: not a report of kvv ({in_words(error)})") from error
    if version != SCHEMA_VERSION:
        raise KvvError(f"{where}: {other_version(version, SCHEMA_VERSION)}")
    try:
        return adapter(RunReport).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise KvvError(f"{where}: {place}: {first['msg'].removeprefix('Value error, ')}") from error


def render(report: RunReport) -> dict[str, bytes]:
    """`report.json` and the reports that follow from it."""
    from kvv_action.report.html import html  # these need libraries that a run does without until it is done
    from kvv_action.report.junit import junit
    from kvv_action.report.markdown import summary

    return {
        REPORT: canonical(report),
        JUNIT: junit(report),
        SUMMARY: summary(report).encode(),
        HTML: html(report),
    }


def manifest(report: RunReport, digests: Mapping[str, str]) -> bytes:
    """`manifest.json`: digests and versions.

    Args:
        report: of the run.
        digests: SHA-256 of the other files, by name.
    """
    return canonical(
        {
            "schema_version": SCHEMA_VERSION,
            "files": {name: {"sha256": digest} for name, digest in digests.items()},
            "journal": report.journal,
            "plan": report.plan_digest,
            "profile": report.profile,
            "datasets": {result.id: result.dataset for result in report.benchmarks},
            "benchmarks": {result.id: result.version for result in report.benchmarks},
            "provenance": plain(report.provenance),
        }
    )


def sha256(data: bytes) -> str:
    """SHA-256 of data, in hex."""
    return hashlib.sha256(data).hexdigest()
