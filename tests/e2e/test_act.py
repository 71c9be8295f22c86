"""The action under nektos act: a second, independent implementation of the runner's protocol."""

import re
from pathlib import Path

import pytest

from tests.e2e.act import act, commit, unique
from tests.e2e.conftest import KEY, ROOT

STANDINS = ROOT / "tests/e2e/standins"
pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

WORKFLOW = """
name: NAME
on: push
jobs:
  verify:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - uses: ./
        id: kvv
        with:
          base-url: http://127.0.0.1:PORT/v1
          api-key: ${{ secrets.KEY }}
          model: kimi-k2.6
          benchmarks: ocrbench,aime2025
          dataset: |
            ocrbench=bundled
            aime2025=bundled
      - run: |
          test "$VERDICT" = pass
          test "$SCORE" = 1.0000
          grep -q '"verdict": "pass"' "$REPORT"
          echo everything holds
        env:
          VERDICT: ${{ steps.kvv.outputs.verdict }}
          SCORE: ${{ steps.kvv.outputs.score-aime2025 }}
          REPORT: ${{ steps.kvv.outputs.report-path }}
"""


def test_the_self_test_is_planned(tmp_path: Path, docker: str) -> None:
    """A dry run goes through the job of our own workflow that uses the action itself."""
    done = act(ROOT, "push", "--dryrun", "--job", "action", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Success - Main The action itself") == 2


def test_a_job_under_act(tmp_path: Path, image: str, port: int) -> None:
    """Inputs, masks, outputs, files and the post step work; a later step of the job can use them."""
    repository = tmp_path / "repository"
    (repository / ".github/workflows").mkdir(parents=True)
    (repository / ".github/workflows/verify.yml").write_text(
        WORKFLOW.replace("PORT", str(port)).replace("NAME", unique())
    )
    action = (ROOT / "action.yml").read_text()
    (repository / "action.yml").write_text(action.replace("image: Dockerfile", f"image: docker://{image}"))
    commit(repository)
    done = act(repository, "push", "--secret", "KEY", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything holds" in done.stdout
    assert "✅ pass: kimi-k2.6" in done.stdout
    assert "kvv: removed 0 containers" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_a_release_is_planned(tmp_path: Path, docker: str) -> None:
    """A dry run goes through all jobs of a release, each after those whose work it needs."""
    workflow = ROOT / ".github/workflows/release.yml"
    actions = set(re.findall(r"uses: (actions/[^\s/@]+)[^\s@]*(@\S+)", workflow.read_text()))
    standins = [f"--local-repository={name}{commit}={STANDINS / Path(name).name}" for name, commit in sorted(actions)]
    asked = ["workflow_dispatch", "--dryrun", "-W", workflow, "--input", "version=1.2.3"]
    done = act(ROOT, *asked, *standins, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ended = re.findall(r"\[release/([^\]]+?) *\].*Job succeeded", done.stdout)
    made = ["image for amd64-1", "image for arm64-2", "one digest for all machines"]
    assert set(ended) == {"what is released", "wheel and source distribution", *made, "tag and release", "PyPI"}
    assert ended[0] == "what is released"
    assert ended[-2:] == ["tag and release", "PyPI"]
    assert ended.index(made[2]) > max(map(ended.index, made[:2]))
