"""The reusable workflows and the gate under act, job by job, with the real image.

Actions of others cannot be fetched here: stand-ins copy artifacts and the action between the host and the jobs. What
GitHub alone has (attestation, permissions, `job.workflow_sha`) is not shown by this.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from kvv_action.compare.markdown import QUESTION
from tests.e2e import act as nektos
from tests.e2e.conftest import KEY, ROOT
from tests.pipeline.command import kvv

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

STANDINS = ROOT / "tests/e2e/standins"
REUSABLE = ("run", "verify")
CALLER = """
name: NAME
on: push
jobs:
  verify:
    uses: ./.github/workflows/verify.yml
    with:
      base-url: http://127.0.0.1:PORT/v1
      model: kimi-k2.6
      benchmarks: ocrbench,aime2025
      dataset: |
        ocrbench=bundled
        aime2025=bundled
      tier: smoke
      shard-minutes: "1"
      max-shards: "SHARDS"
      precheck: "PRECHECK"
      leaderboard-repo: example/board
      leaderboard-vendor: acme
      leaderboard-dry-run: "true"
      leaderboard-allow-incomplete: "true"
      name: acme
    secrets:
      api-key: ${{ secrets.KEY }}
  after:
    needs: verify
    runs-on: ubuntu-24.04
    steps:
      - run: echo "$OUTPUTS" > /standin/outputs.json
        env:
          OUTPUTS: ${{ toJSON(needs.verify.outputs) }}
"""


@pytest.fixture
def standin(tmp_path: Path, image: str) -> Path:
    """The folder of the host that jobs see: the action, artifacts."""
    folder = tmp_path / "standin"
    (folder / "kvv-action").mkdir(parents=True)
    (folder / "artifacts").mkdir()
    shutil.copytree(ROOT / ".ci", folder / "kvv-action/.ci", ignore=shutil.ignore_patterns("__pycache__"))
    action = (ROOT / "action.yml").read_text()
    (folder / "kvv-action/action.yml").write_text(action.replace("image: Dockerfile", f"image: docker://{image}"))
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / ".github/workflows").mkdir(parents=True)
    return folder


def used() -> Iterator[str]:
    """Every action of others that the workflows name, with its commit."""
    for path in (*(ROOT / f".github/workflows/{name}.yml" for name in REUSABLE), ROOT / ".github/examples/gate.yml"):
        yield from re.findall(r"uses: (actions/[^\s/@]+)[^\s@]*(@\S+)", path.read_text())


def act(repository: Path, standin: Path, *arguments: str, key: str = KEY) -> "subprocess.CompletedProcess[str]":
    """Run the repository's workflows; whatever they use of others is stood in for."""
    nektos.commit(repository)
    volumes = f"--volume {standin}:/standin --volume {STANDINS}/node:/usr/local/bin/node:ro"
    given = [
        *arguments, "--container-options", volumes,
        "--local-repository", f"moonshot/kvv-action@v1={standin / 'kvv-action'}", *(("--secret", "KEY") if key else ()),
    ]  # fmt: skip
    for name, commit in sorted(set(used())):
        given += ["--local-repository", f"{name}{commit}={STANDINS / name.partition('/')[2]}"]
    return nektos.act(repository, *given, home=standin, key=key)


@pytest.fixture
def calls(repository: Path, port: int) -> Callable[..., None]:
    """Puts the workflows and a caller with so many shards beside Pre-Verification into the repository.

    act does not know which workflow a job is of, so that is written in.
    """

    def put(shards: int, precheck: str = "gate") -> None:
        name = nektos.unique()
        for one in REUSABLE:
            workflow = _named((ROOT / f".github/workflows/{one}.yml").read_text(), f"{name}-{one}")
            for fact, value in (("repository", "moonshot/kvv-action"), ("sha", "0" * 40)):
                workflow = workflow.replace(f"${{{{ job.workflow_{fact} }}}}", value)
            (repository / f".github/workflows/{one}.yml").write_text(workflow)
        caller = CALLER.replace("NAME", f"{name}-caller").replace("PORT", str(port)).replace("SHARDS", str(shards))
        caller = caller.replace("PRECHECK", precheck)
        (repository / ".github/workflows/caller.yml").write_text(caller)

    return put


def _named(workflow: str, name: str) -> str:
    """A workflow under another name."""
    renamed, times = re.subn(r"(?m)^name: .*$", f"name: {name}", workflow)
    assert times == 1
    return renamed


def passed(done: "subprocess.CompletedProcess[str]") -> str:
    """The log of a run that passed and did not tell the key."""
    log = done.stdout + done.stderr
    assert done.returncode == 0, log[-25_000:]
    assert KEY not in log
    return log


def outputs(standin: Path) -> dict[str, str]:
    found: dict[str, str] = orjson.loads((standin / "outputs.json").read_bytes())
    return found


def sha256(path: Path) -> str:
    return subprocess.check_output(["sha256sum", path], text=True).partition(" ")[0]


def answers(journal: bytes) -> list[tuple[object, ...]]:
    """Benchmark, sample, epoch and call of every answer in a journal."""
    lines = (orjson.loads(line) for line in journal.splitlines())
    return [
        tuple(line.get(name) for name in ("benchmark", "sample", "epoch", "call"))
        for line in lines
        if line["kind"] == "answer"
    ]


def whole_run(standin: Path, *, shards: int, benchmarks: set[str]) -> None:
    """One report of all shards, and its audit from scratch; no key is in what is left."""
    artifacts = standin / "artifacts"
    assert {path.name for path in artifacts.iterdir()} == {
        "acme-result", *(f"acme-shard-{number}" for number in range(1, shards + 1)),
    }  # fmt: skip
    report = orjson.loads((artifacts / "acme-result/report.json").read_bytes())
    assert (report["verdict"], report["state"], report["plan"]["shard"]) == ("pass", "complete", None)
    assert {one["id"]: one["counts"]["scored"] for one in report["benchmarks"]}.keys() == benchmarks
    bundle = artifacts / "acme-result/evidence.tar.gz"
    assert kvv("audit", bundle).status == 0
    assert outputs(standin)["verdict"] == "pass"
    assert outputs(standin)["bundle-sha256"] == sha256(bundle)
    assert len(set((standin / "keys").read_text().split())) == 1, "shards restore what the plan saved"
    everything = b"".join(path.read_bytes() for path in artifacts.rglob("*") if path.is_file())
    assert KEY.encode() not in everything


def test_the_reusable_workflow(repository: Path, standin: Path, calls: Callable[..., None]) -> None:
    """Called without any right to sign: plan, two shards, one report. Without Pre-Verification nothing waits for it."""
    calls(2, precheck="off")
    caller = repository / ".github/workflows/caller.yml"
    lines = [line for line in caller.read_text().splitlines() if "leaderboard-" not in line]
    caller.write_text("\n".join(lines).replace("verify.yml", "run.yml"))
    passed(act(repository, standin, "push"))
    whole_run(standin, shards=2, benchmarks={"ocrbench", "aime2025"})


def test_a_rerun_goes_on_where_a_shard_was_cut(repository: Path, standin: Path, calls: Callable[..., None]) -> None:
    """The first attempt is whole and attested. The second asks what is missing, no more, and is not attested."""
    calls(1)
    first = passed(act(repository, standin, "push"))
    whole_run(standin, shards=2, benchmarks={"precheck", "ocrbench", "aime2025"})
    bundle = standin / "artifacts/acme-result/evidence.tar.gz"
    attested = standin / "attested"
    assert attested.read_text().split() == [sha256(bundle), "kvv-out/evidence.tar.gz"]
    assert outputs(standin)["attested"] == "true"
    assert "Claims to be *attested*" in first
    attested.unlink()

    journal = standin / "artifacts/acme-shard-2/journal.jsonl"
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    cut = b"".join(lines[: len(lines) // 2])
    for path in journal.parent.iterdir():
        path.unlink()
    journal.write_bytes(cut)
    log = passed(act(repository, standin, "push", "--env", "GITHUB_RUN_ATTEMPT=2"))
    after = journal.read_bytes()
    assert after.startswith(cut)
    assert 0 < len(answers(cut)) < len(answers(whole))
    assert sorted(answers(after), key=str) == sorted(answers(whole), key=str), "each was asked once"
    merged = orjson.loads((standin / "artifacts/acme-result/report.json").read_bytes())
    assert (merged["verdict"], merged["state"]) == ("pass", "complete")
    assert not attested.exists()
    assert outputs(standin)["attested"] == "false"
    assert "were gone on with from an earlier attempt" in log
    assert "proposed as self-reported" in log


READY = """
name: NAME
on:
  workflow_call:
    inputs: {INPUTS}
    secrets: {SECRETS}
    outputs:
      verdict: {value: pass}
      bundle-path: {value: kvv-out/evidence.tar.gz}
      bundle-sha256: {value: "SHA256"}
      sealed: {value: "true"}
jobs:
  nothing:
    runs-on: ubuntu-24.04
    steps:
      - run: cp -r /standin/prepared /standin/artifacts/acme-result
"""


def test_evidence_that_cannot_be_attested_is_submitted(
    repository: Path, standin: Path, calls: Callable[..., None]
) -> None:
    """As in a private repository: a warning says why, and the record claims nothing. The run itself was made before."""
    calls(1)
    assert kvv("demo", "--benchmarks", "aime2025", "--bundle", "full", "--out", standin / "prepared").status == 0
    run = repository / ".github/workflows/run.yml"
    given = yaml.safe_load(run.read_text())[True]["workflow_call"]
    ready = READY.replace("NAME", nektos.unique()).replace("SHA256", sha256(standin / "prepared/evidence.tar.gz"))
    for name in ("inputs", "secrets"):
        ready = ready.replace(f"{{{name.upper()}}}", orjson.dumps(given[name]).decode())
    run.write_text(ready)
    (standin / "private").touch()
    log = passed(act(repository, standin, "push"))
    assert "could not be attested" in log
    assert "proposed as self-reported" in log
    assert outputs(standin)["leaderboard-operation"] == "none", "a dry run"
    assert "Claims to be *self-reported*" in log


ENDED = """
  ended: # act reads the outputs of a called workflow when one of its own jobs has ended
    needs: [run, attest, submit]
    if: always()
    runs-on: ubuntu-24.04
    steps:
      - run: "true"
"""


def test_without_a_key_all_is_skipped(repository: Path, standin: Path, calls: Callable[..., None]) -> None:
    """As for a pull request from a fork: a notice, no failure, nothing asked."""
    calls(2)
    with (repository / ".github/workflows/verify.yml").open("a") as workflow:
        workflow.write(ENDED)
    done = act(repository, standin, "push", key="")
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    assert "There is no api-key, so nothing was verified" in done.stdout
    assert list((standin / "artifacts").iterdir()) == []
    assert (outputs(standin)["verdict"], outputs(standin)["attested"]) == ("skipped", "false")
    assert "this is not a pass" in outputs(standin)["reason"]


GH = """#!/bin/sh
# Stands in for gh: the one run of main and its artifact.
case "$1 $2" in
  "run list") [ -d /standin/artifacts/kvv-main ] && echo 1 ;;
  "run download") for word do case $before in --dir) place=$word ;; esac; before=$word; done
    cp -r /standin/artifacts/kvv-main "$place" ;;
esac
exit 0
"""


def test_the_gate(repository: Path, standin: Path, port: int) -> None:
    """On main it leaves a baseline; a pull request is compared with it. The comment is tested in `tests/contract`."""
    gate = _named((ROOT / ".github/examples/gate.yml").read_text(), nektos.unique())
    gate = gate.replace("172.17.0.1:8000", f"127.0.0.1:{port}").replace("YOUR-MODEL", "kimi-k2.6")
    gate = gate.replace("api-key: EMPTY", "api-key: ${{ secrets.KEY }}").replace(
        "contract: compatible", "contract: official"
    )
    gate = gate.replace(
        "tier: smoke\n", "tier: smoke\n          benchmarks: aime2025\n          dataset: aime2025=bundled\n"
    )
    (repository / ".github/workflows/gate.yml").write_text(gate)
    server = repository / "START-YOUR-SERVER"
    server.write_text(f"#!/bin/sh\ncat > /usr/local/bin/gh <<'EOF'\n{GH}EOF\nchmod +x /usr/local/bin/gh\n")
    server.chmod(0o755)
    on_main = act(repository, standin, "push", "--job", "verify")
    assert on_main.returncode == 0, on_main.stdout[-20_000:] + on_main.stderr[-5000:]
    assert (standin / "artifacts/kvv-main/report.json").is_file()
    event = repository.parent / "event.json"
    pull = {"number": 7, "head": {"repo": {"full_name": "o/r"}}, "base": {"repo": {"full_name": "o/r"}}}
    event.write_bytes(orjson.dumps({"pull_request": pull}))
    on_change = act(repository, standin, "pull_request", "--job", "verify", "--eventpath", str(event))
    assert on_change.returncode == 0, on_change.stdout[-20_000:] + on_change.stderr[-5000:]
    summary = (standin / "artifacts/kvv-pull-request/summary.md").read_text()
    assert QUESTION in summary
    assert (standin / "artifacts/kvv-pull-request/compare.json").is_file()
    assert KEY not in on_main.stdout + on_change.stdout


def test_shards_as_pods(tmp_path: Path, image: str, docker: str) -> None:
    """As the manifests for Kubernetes run it: no root, nothing writable but volumes, indices from 0; then the merge."""
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    pod = [
        docker, "run", "--rm", "--user", "65532:65532", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--network", "none", "--volume", f"{data}:/data", "--env", "HOME=/tmp",
        "--env", "KVV_IMAGE=example.com/kvv@sha256:1", "--entrypoint", "/opt/kvv/bin/kvv",
    ]  # fmt: skip
    for index in range(3):
        variables = {
            "KVV_SHARD": f"{index}/3",
            "KVV_OUT": f"/data/shards/{index}",
            "KVV_BENCHMARKS": "aime2025,ocrbench",
        }
        given = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
        done = subprocess.run([*pod, *given, image, "demo"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    merged = subprocess.run(
        [*pod, image, "merge", "/data/shards", "--out", "/data/merged"], capture_output=True, text=True
    )
    assert merged.returncode == 0, merged.stdout + merged.stderr
    report = orjson.loads((data / "merged/report.json").read_bytes())
    assert (report["verdict"], report["provenance"]["image"]) == ("pass", "example.com/kvv@sha256:1")
