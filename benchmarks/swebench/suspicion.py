"""Signs that a patch works on the tests instead of the issue: told, never judged by."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from benchmarks.swebench.evaluation import Evaluation
from benchmarks.swebench.instance import Instance
from benchmarks.swebench.older import END, START, touched

RUNNER_FILES = frozenset(
    {
        "conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "sitecustomize.py", "usercustomize.py", "noxfile.py",
        "pytest.toml", ".pytest.ini",
    }
)  # fmt: skip
TESTS_TOUCHED = "the patch changes the tests that decide"
TESTS_REMEDY = "the official tests are put in place before they run; read the patch before trusting the result"
RUNNER_TOUCHED = "the patch changes how tests are run"
RUNNER_REMEDY = "conftest.py and its like can print results of their own; read the patch before trusting the result"
MARKS = "the test log holds the harness's own marks more than once"
MARKS_REMEDY = "something printed them to move results; read the patch and the log"
LOG_CUT = "the test log was too long to be kept whole"
LOG_CUT_REMEDY = "results in its middle are missing and count as not passed; read the patch: it may print without end"


def found(instance: Instance, patch: str, evaluation: Evaluation | None) -> dict[str, str]:
    """Causes with what to do, for a patch and the log of its tests."""
    return dict(_found(instance, touched(patch), evaluation))


def _found(instance: Instance, paths: Iterable[str], evaluation: Evaluation | None) -> Iterator[tuple[str, str]]:
    names = set(paths)
    if names & set(instance.test_files):
        yield TESTS_TOUCHED, TESTS_REMEDY
    if any(PurePosixPath(path).name in RUNNER_FILES or path.endswith(".pth") for path in names):
        yield RUNNER_TOUCHED, RUNNER_REMEDY
    if evaluation is None:
        return
    if any(evaluation.log.count(mark) > 1 for mark in (START, END)):
        yield MARKS, MARKS_REMEDY
    if evaluation.omitted:
        yield LOG_CUT, LOG_CUT_REMEDY
