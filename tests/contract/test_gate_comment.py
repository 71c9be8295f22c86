"""The example gate: its baseline, which may be gone; its comment, made once, updated in place, and nobody else's."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import orjson
import pytest
import yaml

ROOT = Path(__file__).parents[2]
GATE = yaml.safe_load((ROOT / ".github/examples/gate.yml").read_text())
(SCRIPT,) = [step["run"] for step in GATE["jobs"]["comment"]["steps"] if "run" in step]

GH = """#!/bin/sh
# Stands in for gh: comments lie in comments.json; filters are carried out by jq, as gh does.
set -eu
echo "$@" >> calls
[ "$1" = api ]; shift
method=GET body= filter=.
for word do :; done
while [ $# -gt 0 ]; do
  case $1 in
    --method) method=$2; shift ;;
    --jq) filter=$2; shift ;;
    -F) body=${2#body=@}; shift ;;
    --paginate|--silent) ;;
    *) path=$1 ;;
  esac
  shift
done
case $method in
  GET) jq --raw-output "$filter" comments.json ;;
  POST) jq --rawfile body "$body" '. + [{id: (length + 100), user: {login: "github-actions[bot]"}, body: $body}]' \\
    comments.json > new && mv new comments.json ;;
  PATCH) jq --rawfile body "$body" --argjson id "${path##*/}" 'map(if .id == $id then .body = $body else . end)' \\
    comments.json > new && mv new comments.json ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    if shutil.which("jq") is None:
        pytest.skip("no jq")
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin/gh"
    gh.write_text(GH)
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "kvv-out").mkdir()
    (tmp_path / "comments.json").write_bytes(
        orjson.dumps(
            [
                {"id": 1, "user": {"login": "somebody"}, "body": "<!-- kvv -->\nI look like it"},
                {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "another bot's words <!-- kvv -->"},
            ]
        )
    )
    return tmp_path


def comment(place: Path, summary: bytes) -> list[dict[str, object]]:
    """Run the step; the comments that are there then."""
    (place / "kvv-out/summary.md").write_bytes(summary)
    environment = {
        **os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "o/r", "NUMBER": "7",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPT],
        cwd=place, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = orjson.loads((place / "comments.json").read_bytes())
    return found


def test_one_comment_is_updated_in_place(place: Path) -> None:
    """However often the workflow runs; comments of others stay."""
    first = comment(place, "## ✅ pass\n".encode())
    again = comment(place, "## ❌ fail\n".encode())
    assert [one["id"] for one in first] == [one["id"] for one in again] == [1, 2, 102]
    assert first[2]["body"] == "<!-- kvv -->\n## ✅ pass\n"
    assert again[2]["body"] == "<!-- kvv -->\n## ❌ fail\n"
    assert again[:2] == first[:2]


def test_a_long_summary_fits(place: Path) -> None:
    """GitHub takes 65 536 characters; a character is never cut in two."""
    found = comment(place, b"a" + "é".encode() * 50_000)
    body = str(found[2]["body"])
    assert len(body.encode()) <= 60_020
    assert body.endswith("é")


(BASELINE,) = [step["run"] for step in GATE["jobs"]["verify"]["steps"] if "baseline" in step.get("run", "")]
OTHER_GH = """#!/bin/sh
# Stands in for gh: one run of main, if there is one; its artifact is downloaded, or breaks off half-way.
case "$1 $2" in
  "run list") echo "$RUN" ;;
  "run download") mkdir kvv-baseline && echo half > kvv-baseline/report.json; exit "$STATUS" ;;
esac
"""


@pytest.mark.parametrize(
    ("run", "status", "there", "said"),
    [
        ("", 1, False, "::notice title=kvv::There is no result of main yet"),
        ("7", 1, False, "::warning title=kvv::The result of main is not there any more"),
        ("7", 0, True, ""),
    ],
)
def test_a_baseline_that_is_gone_fails_nothing(run: str, status: int, there: bool, said: str, tmp_path: Path) -> None:
    """Artifacts expire; pull requests are verified all the same, and told that nothing is compared."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gh").write_text(OTHER_GH)
    (tmp_path / "bin/gh").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "RUN": run, "STATUS": str(status), "WORKFLOW": "gate",
        "GITHUB_REPOSITORY": "o/r",
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", BASELINE]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert (tmp_path / "kvv-baseline").exists() is there
