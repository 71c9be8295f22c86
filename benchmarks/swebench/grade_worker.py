"""The process in which the official library grades: `ready`, then one JSON answer for each JSON line on stdin.

Importing the library takes seconds and 1500 modules, and its parsers run expressions of their own over logs that a
hostile patch may have written; hence a process of its own, with a deadline. Started as `python -I -X utf8
grade_worker.py` without an inherited environment; imports nothing of this project.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

SHOWN = 20
"""Names of tests that an answer tells of each kind."""


def script(row: dict[str, Any]) -> dict[str, Any]:
    """The script that runs an instance's tests and tells their exit status."""
    from swebench.harness.utils import make_test_spec

    return {"script": make_test_spec(row).eval_script}


def report(row: dict[str, Any], patch: str, log: str) -> dict[str, Any]:
    """The official report on a log.

    Returns:
        `resolved`; `ran` when the log holds results; `infra`, the reason for which the library takes the environment to
        be broken, empty for none; `passed` and `failed`, numbers of tests by kind; `names`, some of those that failed.
    """
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


def main() -> None:
    """Answer until stdin closes."""
    import swebench.harness.grading  # noqa: F401 - before `ready`, so that a broken installation is no verdict

    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # the library prints
    out.write(b"ready\n")
    out.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            reply = script(request["row"]) if "log" not in request else report(**request)
        except Exception as error:  # noqa: BLE001 - what the library cannot read is the caller's to name
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        out.write(json.dumps(reply).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
