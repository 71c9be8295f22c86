"""The documented transform, on every schema that walle calls valid."""

import os
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from benchmarks.precheck.mfjs.cases import AGAIN, KVV_SUITES, from_folder
from benchmarks.precheck.mfjs.check import complaint
from benchmarks.precheck.mfjs.transform import Parameters, Skip, as_parameters
from kvv_action.report.kvv_groups import WHOLE
from kvv_action.schema import Json
from kvv_action.simulator.schema_values import minimal
from tests.precheck.mfjs_rules import violations

pytestmark = pytest.mark.parity

UPSTREAM = {
    "a property name with odd white space or an escape": 6,
    "minLength above 1000": 1,
    "required recursion without end": 1,
}
"""What MoonshotAI/Kimi-Vendor-Verifier leaves out as well."""
FRAGMENT = "an $id with a fragment, which Draft 2020-12 forbids"


@pytest.fixture(scope="module")
def folder() -> Path:
    root = os.environ.get("KVV_REFERENCE_DATA")
    if not root:
        pytest.skip("KVV_REFERENCE_DATA is not set")
    return Path(root) / "mfjs" / "validator_cases"


@pytest.fixture(scope="module")
def schemas(folder: Path) -> list[Json]:
    files = sorted(folder.glob("*/valid.jsonl"))
    assert len(files) == 16
    return [orjson.loads(line) for file in files for line in file.read_bytes().splitlines() if line.strip()]


def test_every_schema_is_sent_or_left_out_for_a_known_reason(schemas: list[Json]) -> None:
    """Of 213 schemas 8 are left out as upstream does, and 3 whose $id the draft forbids."""
    made = [as_parameters(schema) for schema in schemas]
    reasons = [skip.reason for skip in made if isinstance(skip, Skip)]
    assert len(made) == 213
    assert {reason: reasons.count(reason) for reason in reasons} == {**UPSTREAM, FRAGMENT: 3}


def test_every_transformed_schema_is_valid_and_can_be_met(schemas: list[Json]) -> None:
    """What is sent is a Draft 2020-12 schema, and the embedded vendor's arguments fit it."""
    made = [made for schema in schemas if isinstance(made := as_parameters(schema), Parameters)]
    assert len(made) == 202
    for parameters in made:
        Draft202012Validator.check_schema(parameters.schema)
        arguments = orjson.dumps(minimal(parameters.schema)).decode()
        assert complaint(arguments, parameters.schema) is None, arguments


def test_folder_is_read_as_cases(folder: Path) -> None:
    """Each schema once, in its suite; the same again is counted."""
    cases = from_folder(folder)
    assert {case.suite for case in cases.sent} == KVV_SUITES
    assert len(KVV_SUITES) == 16
    assert len(cases.sent) == 191
    assert 2 * len(cases.sent) == WHOLE["mfjs"]
    assert cases.skipped == {**UPSTREAM, FRAGMENT: 3, AGAIN: 11}


def test_our_rules_of_mfjs_allow_what_walle_allows(schemas: list[Json]) -> None:
    """The rules by which our own corpus is checked refuse no schema that walle calls valid."""
    refused = [(schema, found) for schema in schemas if (found := list(violations(schema)))]
    assert refused == []
