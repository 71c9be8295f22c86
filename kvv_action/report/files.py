"""All files of a report, as bytes by name; writing them is the entry point's work."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from kvv_action.errors import KvvError
from kvv_action.report.junit import junit
from kvv_action.report.markdown import summary
from kvv_action.schema import LATER, SCHEMA_VERSION, RunReport

REPORT, JUNIT, SUMMARY, HTML = "report.json", "junit.xml", "summary.md", "report.html"
MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"


EXTRAS = ("k2vv-*.json*", "swebench-*.jsonl", "trajectories/*.txt")
"""Files that a benchmark may leave beside the reports; they are part of the manifest."""


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, two spaces and a final newline: the same value is the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.dumps(value, default=_fields, option=options)


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a record; those that came later only when they say something."""
    if not is_dataclass(record):
        raise TypeError(f"{type(record).__name__} has no JSON form")
    named = ((one, getattr(record, one.name)) for one in fields(record))
    return {one.name: value for one, value in named if one.metadata != LATER or value != one.default}


def parse(text: bytes, where: str = REPORT) -> RunReport:
    """A report from the bytes of `report.json`.

    Raises:
        KvvError: not a report, or of another schema version.
    """
    try:
        version = orjson.loads(text).get("schema_version")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise KvvError(f"{where}: not a report of kvv ({error})") from error
    if version != SCHEMA_VERSION:
        raise KvvError(f"{where}: has schema version {version!r}; this version reads {SCHEMA_VERSION}")
    try:
        return TypeAdapter(RunReport).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise KvvError(f"{where}: {place}: {first['msg']}") from error


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `report.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kvv report",
        **TypeAdapter(RunReport).json_schema(mode="serialization"),
    }


def render(report: RunReport) -> dict[str, bytes]:
    """`report.json` and what follows from it alone."""
    from kvv_action.report.html import html  # its templates need a library that most commands do without

    return {
        REPORT: canonical(report),
        JUNIT: junit(report),
        SUMMARY: summary(report).encode(),
        HTML: html(report),
    }


def manifest(report: RunReport, digests: Mapping[str, str]) -> bytes:
    """`manifest.json`: digests and versions of everything.

    Args:
        report: the run.
        digests: SHA-256 of the files beside it, by name.
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
            "provenance": report.provenance,
        }
    )


def sha256(data: bytes) -> str:
    """Digest of a file's content."""
    return hashlib.sha256(data).hexdigest()
