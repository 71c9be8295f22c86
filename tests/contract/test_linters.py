"""What other people's tools say about the action, its image and its workflows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATE = ".github/leaderboard-template"
WORKFLOWS = [
    str(path.relative_to(ROOT))
    for folder in (".github/workflows", ".github/examples", f"{TEMPLATE}/.github/workflows")
    for path in sorted((ROOT / folder).glob("*.yml"))
]


def run(tmp_path: Path, tool: str, *arguments: str) -> str:
    """A tool of the virtual environment on the project; its output.

    Raises:
        AssertionError: it found something.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "GITHUB_"))}
    environment["HOME"] = str(tmp_path)
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, f"{tool} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_there_are_workflows() -> None:
    """The tests below have something to look at."""
    assert WORKFLOWS


def test_actionlint(tmp_path: Path) -> None:
    """Workflows: expressions, contexts, inputs of the actions used, shell scripts."""
    run(tmp_path, "actionlint", "-no-color", *WORKFLOWS)


def test_zizmor(tmp_path: Path) -> None:
    """Workflows and action: injections, credentials, permissions, unpinned actions."""
    run(tmp_path, "zizmor", "--offline", "--no-progress", "action.yml", *WORKFLOWS)


@pytest.mark.parametrize(
    ("schema", "files"), [("vendor.github-actions", ["action.yml"]), ("vendor.github-workflows", WORKFLOWS)]
)
def test_schema(tmp_path: Path, schema: str, files: list[str]) -> None:
    """The published JSON Schemas accept action.yml and the workflows."""
    run(tmp_path, "check-jsonschema", "--builtin-schema", schema, *files)


def test_hadolint(tmp_path: Path) -> None:
    """The Dockerfile, at every level; what is ignored says why."""
    run(tmp_path, "hadolint", "--failure-threshold", "style", "Dockerfile")


@pytest.mark.parametrize("folder", ["workflows", "examples"])
def test_act_validates(folder: str, tmp_path: Path) -> None:
    """A second implementation of the workflow language accepts the workflows."""
    run(tmp_path, "act", "--validate", "--strict", "--workflows", f".github/{folder}")


def test_act_lists_the_jobs(tmp_path: Path) -> None:
    """act finds every job and its events."""
    listed = run(tmp_path, "act", "--list")
    assert "pull_request" in listed
    assert "the action verifies the embedded vendor" in listed


def test_actions_are_pinned_by_commit() -> None:
    """Every action of others is named by its commit, with the version beside it."""
    used = [line for path in WORKFLOWS for line in (ROOT / path).read_text().splitlines() if "uses: " in line]
    others = [line for line in used if "uses: ./" not in line and "uses: moonshot/kvv-action" not in line]
    assert others
    for line in others:
        reference, _, version = line.partition(" # ")
        assert len(reference.rpartition("@")[2]) == 40, line
        assert version.startswith("v"), line
