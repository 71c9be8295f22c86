"""The official verdict, from the official library, whatever a log holds."""

import ast
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from benchmarks.swebench import grade_worker
from benchmarks.swebench import grader as grading
from benchmarks.swebench.grader import Grader
from kvv_action.errors import DatasetError, ScoringError
from tests.swebench.fakes import END, FAILING, PASSING, START, instance, log

pytestmark = pytest.mark.slow  # grades in processes that load the official library

OLD, NEW = "PASSED tests/test_mod.py::test_old", "PASSED tests/test_mod.py::test_two"
LOGS = {
    "passing": PASSING,
    "failing": FAILING,
    "a regression": log(NEW, "FAILED tests/test_mod.py::test_old - no", exit_code=1),
    "a skipped test that must pass": log("SKIPPED tests/test_mod.py::test_two", OLD),
    "a skipped test that passed before": log(NEW, "SKIPPED tests/test_mod.py::test_old"),
    "an expected failure": log("XFAIL tests/test_mod.py::test_two", OLD),
    "an error": log("ERROR tests/test_mod.py::test_two", OLD, exit_code=1),
    "a missing test": log(OLD),
    "no results": log("nothing was collected"),
    "empty": "",
    "no markers": f"{NEW}\n{OLD}\n",
    "only the first marker": f"{START}\n{NEW}\n{OLD}\n",
    "only the last marker": f"{NEW}\n{OLD}\n{END}\n",
    "markers turned round": f"{END}\n{NEW}\n{OLD}\n{START}\n",
    "results outside of the markers": f"{NEW}\n{OLD}\n{log()}",
    "markers printed by a test": log(END, START, NEW, OLD),
    "an early end": log(NEW, OLD, END, "FAILED tests/test_mod.py::test_two - no"),
    "results printed before the real ones": log(NEW, OLD, "FAILED tests/test_mod.py::test_two - no", exit_code=1),
    "results printed after the real ones": log("FAILED tests/test_mod.py::test_two - no", NEW, OLD, exit_code=1),
    "all passed with a bad exit status": log(NEW, OLD, exit_code=1),
    "killed with results": log(NEW, OLD, exit_code=137),
    "no exit status": f"{START}\n{NEW}\n{OLD}\n{END}\n",
    "two exit statuses": log(NEW, OLD) + ">>>>> Test Exit Code: 1\n",
    "an exit status printed by a test": log(NEW, OLD, ">>>>> Test Exit Code: 0", exit_code=1),
    "an apply failure": log(NEW, OLD) + ">>>>> Patch Apply Failed",
    "a timeout": log(NEW, OLD) + "\n>>>>> Tests Timed Out",
    "out of memory": "Killed\n",
    "no network": "fatal: Could not resolve host: example.org\n",
    "bytes that are no text": log(NEW, OLD, "\ufffd\x00\x1b[31m"),
    "carriage returns": PASSING.replace("\n", "\r\n"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grader() -> AsyncIterator[Grader]:
    it = Grader()
    yield it
    await it.aclose()


def official(text: str, **fields: Any) -> dict[str, Any]:
    """The official function, called as the official harness calls it."""
    from swebench.harness.grading import get_eval_report
    from swebench.harness.utils import make_test_spec

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_output.txt"
        path.write_bytes(text.encode())
        prediction = {"instance_id": "owner__pkg-1", "model_name_or_path": "m", "model_patch": "x"}
        report = get_eval_report(make_test_spec(dict(instance(**fields).spec)), prediction, str(path), True)
    return dict(report["owner__pkg-1"])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LOGS)
async def test_the_verdict_is_that_of_the_official_function(name: str, grader: Grader) -> None:
    """On logs with markers, without, with spoofed lines and every exit status."""
    expected = official(LOGS[name])
    found = await grader.verdict(instance().spec, "x", LOGS[name])
    assert (found.resolved, found.ran) == (expected["resolved"], expected["patch_successfully_applied"])
    tests = expected.get("tests_status", {})
    assert dict(found.passed) == {kind: len(tests[kind]["success"]) for kind in found.passed}
    assert dict(found.failed) == {kind: len(tests[kind]["failure"]) for kind in found.failed}
    assert bool(found.infra) == expected["infra_failure"]


@pytest.mark.asyncio(loop_scope="module")
async def test_some_verdicts_are_what_people_expect(grader: Grader) -> None:
    """The table above is no comparison of nothing with nothing."""
    resolved = {name for name in LOGS if (await grader.verdict(instance().spec, "x", LOGS[name])).resolved}
    assert {"passing", "a skipped test that passed before", "an expected failure"} <= resolved
    assert not resolved & {
        "failing", "a regression", "a skipped test that must pass", "a missing test", "no markers", "empty",
        "all passed with a bad exit status", "a timeout", "results printed before the real ones",
    }  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
async def test_the_script_tells_the_exit_status(grader: Grader) -> None:
    """The library adds what its verdict needs."""
    assert "SWEBENCH_TEST_EXIT_CODE=$?" in await grader.script(instance().spec)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_library_cannot_use_is_named(grader: Grader) -> None:
    """An unknown parser is no verdict."""
    spec = {**instance().spec, "log_parser": "parse_log_nothing"}
    with pytest.raises(ScoringError, match="parse_log_nothing"):
        await grader.verdict(spec, "x", PASSING)
    with pytest.raises(DatasetError, match="owner__pkg-1: the official library cannot use it"):
        await grader.script({"instance_id": "owner__pkg-1"})


async def test_a_log_that_takes_too_long_is_no_verdict() -> None:
    """And the next one gets a new process."""
    grader = Grader(deadline=0.0)
    with pytest.raises(ScoringError, match="took more than 0 s"):
        await grader.verdict(instance().spec, "x", PASSING)
    grader._deadline = 60.0
    assert (await grader.verdict(instance().spec, "x", PASSING)).resolved
    await grader.aclose()


SPOILING = """
import json, sys, time
sys.stdout.write("ready\\n"); sys.stdout.flush()
for line in sys.stdin:
    log = json.loads(line).get("log", "")
    if "hang" in log:
        time.sleep(600)
    if "die" in log:
        sys.exit(1)
    none = {"resolved": False, "ran": False, "passed": {}, "failed": {}, "names": []}
    sys.stdout.write(json.dumps({"error": "IndexError: list"} if "fail" in log else none) + "\\n"); sys.stdout.flush()
"""


@pytest.mark.parametrize(("text", "why"), [("hang", "more than"), ("die", "without an answer"), ("fail", "IndexError")])
async def test_a_log_that_the_library_cannot_take_resolves_nothing(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A patch can print such a log; the library, which grades an empty one, is well, and so is the environment."""
    (tmp_path / "worker.py").write_text(SPOILING)
    monkeypatch.setattr(grading, "PROGRAM", str(tmp_path / "worker.py"))
    found = Grader(deadline=5.0)
    verdict = await found.verdict(instance().spec, "x", text)
    await found.aclose()
    assert (verdict.resolved, verdict.ran) == (False, False)
    assert why in verdict.unreadable


@pytest.mark.asyncio(loop_scope="module")
async def test_a_large_log_is_read_whole(grader: Grader) -> None:
    """Megabytes before the results."""
    text = log("x" * 99 + "\n" + ("y" * 99 + "\n") * 50_000 + NEW, OLD)
    assert (await grader.verdict(instance().spec, "x", text)).resolved


def test_what_grading_does_without_is_left_out() -> None:
    """Nothing of the hosting service or the hub is imported; whoever calls the former is told; the hub can be used."""
    program = (
        "import sys; from benchmarks.swebench import grade_worker; grade_worker.warm()\n"
        "print({'modal', 'datasets', 'pandas', 'pyarrow'} & set(sys.modules))\n"
        "import swebench.harness.run_evaluation as library\n"
        "try: library.run_instances_modal(1, 2)\n"
        "except RuntimeError as error: print(error)\n"
        "import datasets; print(datasets.Dataset.__module__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path.cwd(), timeout=100)
    told = "kvv grades logs only; it fetches nothing and starts nothing at a hosting service"
    assert done.stdout.splitlines() == ["set()", told, "datasets.arrow_dataset"], done.stderr


def test_the_hosting_service_has_no_other_name() -> None:
    """That the library uses anywhere; of the hub's, what grading imports is seen when it is imported."""
    found = importlib.util.find_spec("swebench")
    assert found is not None
    library = Path(str(found.origin)).parent
    used = {
        name.name
        for path in library.rglob("*.py")
        if path.parent.name != "modal_eval" and "modal_eval" in path.read_text()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == grade_worker.HOSTED
        for name in node.names
    }
    assert used == set(grade_worker.STUBS[grade_worker.HOSTED])
