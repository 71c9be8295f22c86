"""One task of SWE-bench, from a row of any of its datasets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from benchmarks.coding.diff import touched
from benchmarks.swebench import older
from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError
from kvv_action.schema import Json

WORKDIR = "/testbed"
"""Where every official image has its repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A repository with an issue.

    Attributes:
        id: `<owner>__<name>-<number>`.
        image: name of the image that holds the repository with everything it needs.
        problem: the issue's text.
        base: commit that the task starts from; empty when the row does not say.
        gold: the patch that resolved the issue.
        test_files: files that the tests' own patch touches.
        spec: the row's fields that the official library grades by.
        setup: files of a bundled image by name; empty when the image is pulled.
    """

    id: str
    repo: str
    version: str
    image: str
    problem: str
    base: str
    gold: str
    test_files: tuple[str, ...]
    spec: Mapping[str, Json]
    setup: Mapping[str, str] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether we build its image."""
        return bool(self.setup)


TESTS = ("FAIL_TO_PASS", "PASS_TO_PASS")


def read(row: Row, number: int, namespace: str = older.NAMESPACE) -> Instance:
    """An instance from the nth row, counted from 1.

    Rows of the older datasets name no image, script or log parser; these are derived (`older`).

    Raises:
        DatasetError: something is missing or malformed.
    """
    name = row.get("instance_id")
    if not isinstance(name, str) or not name:
        raise DatasetError(f"swebench: row {number}: instance_id is not a name")
    where = f"swebench: {name[:100]!r}"
    texts = {field: _text(row, field, where) for field in ("repo", "patch", "problem_statement")}
    graded = {**older.graded_by(row, where, namespace), **{test: _names(row, test, where) for test in TESTS}}
    return Instance(
        id=name,
        repo=texts["repo"],
        version=str(row.get("version") or ""),
        image=graded["image"],
        problem=texts["problem_statement"],
        base=str(row.get("base_commit") or ""),
        gold=texts["patch"],
        test_files=touched(str(row.get("test_patch") or "")),
        spec=graded,
        setup=_setup(row, where),
    )


def _text(row: Row, name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DatasetError(f"{where}: {name} is missing or empty")
    return value


def _names(row: Row, name: str, where: str) -> Sequence[str]:
    """Names of tests: a list, or a list as JSON text, as the hub has it."""
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise DatasetError(f"{where}: {name} is no list of tests ({error})") from None
    if value is None or isinstance(value, str | bytes | Mapping):
        raise DatasetError(f"{where}: {name} is no list of tests")
    names = list(value)
    if not all(isinstance(test, str) for test in names) or (name == "FAIL_TO_PASS" and not names):
        raise DatasetError(f"{where}: {name} must name tests")
    return names


def _setup(row: Row, where: str) -> Mapping[str, str]:
    setup = row.get("setup") or {}
    if not isinstance(setup, Mapping) or not all(isinstance(text, str) for text in setup.values()):
        raise DatasetError(f"{where}: setup must hold files as texts")
    return dict(setup)
