"""Grades with the official library, as the program of a worker process; imports nothing of this project.

Importing the library takes hundreds of modules, and its parsers run expressions of their own over logs that a
hostile patch may have written; hence a process of its own.
"""

import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

SHOWN = 20
"""Names of tests that an answer tells of each kind."""
HOSTED = "swebench.harness.modal_eval"
"""The library's module that runs tests at a hosting service, with that service's client, which our image lacks."""
HUB = "datasets"
"""What the library downloads its instances with. Ours come as they are; importing it takes most of the time."""
STUBS = {
    HOSTED: ("run_instances_modal", "validate_modal_credentials"),
    HUB: ("Dataset", "load_dataset", "load_from_disk"),
}
"""What the rest of the library imports from them."""


def script(row: dict[str, Any]) -> dict[str, Any]:
    """The script that runs an instance's tests and tells their exit status."""
    warm()
    from swebench.harness.utils import make_test_spec

    return {"script": make_test_spec(row).eval_script}


def report(row: dict[str, Any], patch: str, log: str) -> dict[str, Any]:
    """The official report on a log.

    Returns:
        `resolved`; `ran` when the log holds results; `infra`, the reason for which the library takes the environment to
        be broken, empty for none; `passed` and `failed`, numbers of tests by kind; `names`, some of those that failed.
    """
    warm()
    from swebench.harness.grading import get_eval_report
    from swebench.harness.utils import make_test_spec

    name = row["instance_id"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test_output.txt"
        path.write_text(log, encoding="utf-8", newline="")
        prediction = {"instance_id": name, "model_name_or_path": "kvv", "model_patch": patch}
        found = get_eval_report(make_test_spec(row), prediction, str(path), include_tests_status=True)[name]
    tests = found.get("tests_status", {})
    kinds = [kind for kind in ("FAIL_TO_PASS", "PASS_TO_PASS") if kind in tests]
    return {
        "resolved": bool(found["resolved"]),
        "ran": bool(found["patch_successfully_applied"]),
        "infra": str(found.get("infra_failure_reason", "")) if found.get("infra_failure") else "",
        "passed": {kind: len(tests[kind]["success"]) for kind in kinds},
        "failed": {kind: len(tests[kind]["failure"]) for kind in kinds},
        "names": [test[:200] for kind in kinds for test in tests[kind]["failure"][:SHOWN]],
    }


def warm() -> None:
    """Import the library, with stubs for what grading does without; afterwards others can import the hub."""
    if "swebench.harness" in sys.modules:
        return
    put = [name for name in STUBS if name not in sys.modules]
    sys.modules.update({name: _stub(name) for name in put})
    import swebench.harness.grading  # noqa: F401

    if HUB in put:
        del sys.modules[HUB]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The script of a row, or the report on a log; `error` says what the library cannot read."""
    try:
        return report(**request) if "log" in request else script(**request)
    except Exception as error:  # noqa: BLE001 - the caller names it
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def _stub(name: str) -> ModuleType:
    """A module that refuses to work."""
    stub = ModuleType(name)
    for used in STUBS[name]:
        setattr(stub, used, _refused)
    return stub


def _refused(*_given: object, **_named: object) -> NoReturn:
    raise RuntimeError("kvv grades logs only; it fetches nothing and starts nothing at a hosting service")
