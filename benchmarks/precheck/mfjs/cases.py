"""Reads schemas: our own corpus, and a folder laid out like the cases of MoonshotAI/walle."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import orjson

from benchmarks.precheck.mfjs.transform import Parameters, as_parameters, wrapped
from kvv_action.errors import Problem, UsageError, refusal
from kvv_action.folders import holding
from kvv_action.schema import Json

FILE = "valid.jsonl"
_SUITE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 16 * 1024 * 1024
"""Bytes of a file that is read."""
AGAIN = "the same schema again"
KVV_SUITES = frozenset({
    "TestAdditionalProperties", "TestAnyOf", "TestBasicTypes", "TestDefs", "TestDescription", "TestEnforcerCases",
    "TestID", "TestKeywordsValidation", "TestNestedDefsDepth", "TestNumberFormat", "TestRangeConstraints",
    "TestRefInProperties", "TestReferences", "TestRequired", "TestSingleTypeInArray", "TestTypeLocation",
})  # fmt: skip
"""The suites of Kimi-Vendor-Verifier's own schemas (`testdata/walle_validator_cases`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaCase:
    """A schema to be sent.

    Attributes:
        suite: what it is about.
        id: stable within the suite.
        schema: what the tool's `parameters` are.
    """

    suite: str
    id: str
    schema: Mapping[str, Json]

    @property
    def name(self) -> str:
        """Suite and id, as in the id of the probe."""
        return f"{self.suite}.{self.id}"

    @property
    def of_kvv(self) -> bool:
        """Whether its suite is one of Kimi-Vendor-Verifier's; other folders hold somebody else's schemas."""
        return self.suite in KVV_SUITES


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """What is sent, and how many schemas are not, by reason."""

    sent: tuple[SchemaCase, ...]
    skipped: Mapping[str, int]

    def __str__(self) -> str:
        left_out = sum(self.skipped.values())
        text = f"{len(self.sent)} of {len(self.sent) + left_out} schemas are sent"
        reasons = "; ".join(f"{count}: {reason}" for reason, count in self.skipped.items())
        return f"{text}; left out: {reasons}" if reasons else text


@cache
def corpus() -> tuple[SchemaCase, ...]:
    """The schemas that come with the project, suite by suite."""
    folder = resources.files("benchmarks.precheck.mfjs") / "corpus"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".jsonl")), key=lambda file: file.name)
    return tuple(case for file in files for case in _own(file.name.removesuffix(".jsonl"), file.read_bytes()))


def _own(suite: str, content: bytes) -> Iterator[SchemaCase]:
    for line in content.splitlines():
        entry = orjson.loads(line)
        yield SchemaCase(suite=suite, id=entry["id"], schema=wrapped(entry["schema"]))


def from_folder(folder: Path) -> Cases:
    """The schemas in `SUITE/valid.jsonl` below `folder`, one a line; ids are digests of their content.

    Raises:
        UsageError: there is none, or a file or folder cannot be read.
    """
    try:
        files = list(holding(folder, FILE))
    except OSError as error:
        raise _unreadable(Path(error.filename or folder), f"The folder cannot be read: {refusal(error)}.") from error
    if not files:
        raise _unreadable(folder, f"There is no SUITE/{FILE} below this folder.")
    sent: dict[str, SchemaCase] = {}
    skipped: Counter[str] = Counter()
    for file in files:
        for schema in _schemas(file):
            made = as_parameters(schema)
            if not isinstance(made, Parameters):  # which may be too deep to be written again
                skipped[made.reason] += 1
                continue
            case = SchemaCase(suite=file.parent.name, id=_digest(schema), schema=made.schema)
            if case.name in sent:
                skipped[AGAIN] += 1
            else:
                sent[case.name] = case
    return Cases(sent=tuple(sent.values()), skipped=dict(skipped))


def _schemas(file: Path) -> Iterator[Json]:
    if not _SUITE.fullmatch(file.parent.name):
        raise _unreadable(file.parent, "A suite's folder has a name of letters, digits, - and _.")
    try:
        if file.stat().st_size > _LARGEST:
            raise _unreadable(file, f"The file is larger than {_LARGEST} bytes.")
        content = file.read_bytes()
    except OSError as error:
        raise _unreadable(file, f"The file cannot be read: {refusal(error)}.") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise _unreadable(file, f"Line {number} is not JSON: {error}.") from error


def _digest(schema: Json) -> str:
    """Twelve digits of the SHA-256 of the schema; the order of keys counts, since it is sent like that."""
    return hashlib.sha256(orjson.dumps(schema)).hexdigest()[:12]


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError([Problem(name="mfjs-cases", value=str(path), allowed=why)])
