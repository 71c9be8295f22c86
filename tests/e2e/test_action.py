"""The image as a step of a workflow, on a real engine, read back as the runner reads it."""

import ast
import gzip
import io
import json
import os
import re
import select
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import junitparser
import pytest

from benchmarks.registry import OURS as IDS
from entrypoint.action import NO_KEY
from kvv_action.github.outputs import OUTPUTS
from tests.e2e.conftest import KEY, ROOT, Serve
from tests.e2e.runner import Command, Runner

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

INPUTS = {
    "base-url": "http://127.0.0.1:8080/v1",
    "api-key": KEY,
    "model": "kimi-k2.6",
    "benchmarks": "ocrbench,mmmu_pro,aime2025",
    "dataset": "ocrbench=bundled\nmmmu_pro=bundled\naime2025=bundled",
    "retry-base": "0.01",
    "retry-attempts": "2",
}
SLOW = ("--fault", "slow", "--slow-seconds", "3")
"""A vendor whose first answer does not keep the run from starting for long."""
FEW = {**INPUTS, "precheck": "off", "max-connections": "2"}
"""A run that takes minutes at such a vendor."""


def levels(commands: list[Command]) -> list[str]:
    return [command.name for command in commands if command.name in ("error", "warning", "notice")]


def report(runner: Runner, out: str = "kvv-out") -> dict[str, object]:
    found: dict[str, object] = json.loads((runner.workspace / out / "report.json").read_text())
    return found


def built_from(docker: str, image: str) -> str:
    label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    argv = [docker, "image", "inspect", "--format", label, image]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def test_correct_vendor_passes(runner: Runner, serve: Serve, docker: str, image: str) -> None:
    """A correct vendor gives exit 0, every output, a summary and one notice.

    The first thing printed is the mask of the key; all output is on one stream, so that nothing overtakes it.
    """
    step = runner.run(INPUTS, network=serve())
    assert step.status == 0, step.stdout
    assert step.stdout.startswith(f"::add-mask::{KEY}\n::stop-commands::".encode())
    assert step.log.masks == [KEY]
    assert step.stderr == b""
    assert step.outputs["verdict"] == "pass"
    assert step.outputs["score-aime2025"] == "1.0000"
    assert set(OUTPUTS) <= set(step.outputs)
    for name in ("report", "junit", "summary", "journal"):
        assert (runner.workspace / step.outputs[f"{name}-path"]).is_file()
    assert step.summary is not None
    assert step.summary.strip().startswith("## ✅ pass")
    assert levels(step.log.commands) == ["notice"]
    suites = junitparser.JUnitXml.fromfile(str(runner.workspace / step.outputs["junit-path"]))
    assert suites.failures == suites.errors == 0
    provenance: Any = report(runner)["provenance"]
    assert provenance["github"]["run_id"] == runner.run_id
    assert provenance["commit"] == built_from(docker, image), "the commit that the image's label names"


def test_wrong_vendor_fails(runner: Runner, serve: Serve) -> None:
    """A vendor with wrong answers gives exit 1, verdict fail and an error that says so first."""
    step = runner.run(INPUTS, network=serve("--fault", "wrong-answers"))
    assert step.status == 1
    assert step.outputs["verdict"] == "fail"
    assert levels(step.log.commands)[0] == "error"
    assert "kimi-k2.6" in step.log.of("error")[0].data
    assert step.summary is not None
    assert "❌ fail" in step.summary


@pytest.mark.parametrize(("fail_on", "status"), [("never", 0), ("inconclusive", 1)])
def test_fail_on(runner: Runner, serve: Serve, fail_on: str, status: int) -> None:
    """`fail-on` decides about the exit status, not about the verdict."""
    step = runner.run({**INPUTS, "fail-on": fail_on}, network=serve("--fault", "wrong-answers"))
    assert (step.status, step.outputs["verdict"]) == (status, "fail")


def test_content_gives_no_orders(runner: Runner, serve: Serve) -> None:
    """Answers full of workflow commands are carried out nowhere, in neither form."""
    options = ("--fault", "workflow-commands-in-content")
    step = runner.run({**INPUTS, "precheck": "warn"}, network=serve(*options))
    assert step.outputs["verdict"] == "fail"
    allowed = {"add-mask", "stop-commands", "error", "warning", "notice"}
    assert {command.name for command in step.log.commands} <= allowed
    assert step.log.masks == [KEY]
    assert all(command.properties["title"] for command in step.log.commands if command.name in ("error", "notice"))
    assert set(step.outputs) - set(OUTPUTS) == {f"score-{name}" for name in IDS}


def test_key_is_nowhere(runner: Runner, serve: Serve) -> None:
    """A vendor that echoes the key finds it in no byte of log, reports, summary or outputs."""
    step = runner.run({**INPUTS, "precheck": "off"}, network=serve("--fault", "error-echoes-key"))
    assert step.status == 3
    assert "Bearer ***" in (runner.workspace / "kvv-out/journal.jsonl").read_text(), "the vendor did echo it"
    printed = step.stdout.replace(f"::add-mask::{KEY}\n".encode(), b"", 1) + step.stderr
    files = [path for top in (runner.workspace, runner.temp) for path in top.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [
        name
        for name in (*files, "output")
        if KEY.encode() in (printed if name == "output" else Path(name).read_bytes())
    ] == []


def test_image_holds_no_secret(docker: str, image: str) -> None:
    """Neither the key nor the CA bundle of the build is in any layer or in the history."""
    wanted = [KEY.encode(), *_private_certificates(docker, image)]
    history = subprocess.run([docker, "history", "--no-trunc", image], check=True, capture_output=True).stdout
    assert not any(secret in history for secret in wanted)
    with subprocess.Popen([docker, "save", image], stdout=subprocess.PIPE) as saved:
        assert saved.stdout is not None
        with tarfile.open(fileobj=saved.stdout, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member)
                assert content is None or not _found(wanted, content), member.name


def _private_certificates(docker: str, image: str) -> list[bytes]:
    """A line of each certificate of the build's CA bundle that the image does not have anyway."""
    if "KVV_BUILD_CA" not in os.environ:
        return []
    show = "cat /etc/ssl/certs/ca-certificates.crt /opt/kvv/lib/python3*/site-packages/certifi/cacert.pem"
    public = subprocess.run(
        [docker, "run", "--rm", "--entrypoint", "sh", image, "-c", show], capture_output=True
    ).stdout
    bundle = Path(os.environ["KVV_BUILD_CA"]).read_bytes()
    lines = (found.split(b"\n")[3] for found in re.findall(rb"BEGIN CERTIFICATE-----(.+?)-----END", bundle, re.DOTALL))
    return [line for line in lines if line not in public]


def _found(wanted: list[bytes], content: "io.BufferedReader | object") -> bool:
    stream = content
    if stream.peek(2)[:2] == b"\x1f\x8b":  # type: ignore[attr-defined]
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[call-overload]
    tail = b""
    while block := stream.read(1 << 22):  # type: ignore[attr-defined]
        if any(secret in tail + block for secret in wanted):
            return True
        tail = block[-256:]
    return False


def test_nothing_of_the_workspace_is_imported(runner: Runner, serve: Serve) -> None:
    """Modules planted by a pull request run neither in the process nor in the ones it starts."""
    for name in ("httpx", "json", "sitecustomize", "usercustomize", "orjson", "kvv_action", "sympy"):
        marker = f"open('/github/workspace/planted-{name}', 'w')\nraise SystemExit(99)\n"
        (runner.workspace / f"{name}.py").write_text(marker)
    step = runner.run(INPUTS, network=serve(), job_env={"PYTHONPATH": "/github/workspace", "PYTHONSTARTUP": "json.py"})
    assert step.status == 0, step.stdout
    assert list(runner.workspace.glob("planted-*")) == []
    control = runner.run(INPUTS, entrypoint="/opt/kvv/bin/python", args=["-m", "entrypoint.action"])
    assert control.status != 0
    assert list(runner.workspace.glob("planted-*")) != [], "the control shows that the trap works"


def test_hostile_path(runner: Runner, serve: Serve) -> None:
    """PATH of the workflow decides nothing."""
    for name in ("python", "python3", "git", "sh", "kvv"):
        fake = runner.workspace / name
        fake.write_text("#!/bin/sh\ntouch /github/workspace/planted-$$\nexit 99\n")
        fake.chmod(0o755)
    step = runner.run(INPUTS, network=serve(), job_env={"PATH": "/github/workspace"})
    assert step.status == 0, step.stdout
    assert list(runner.workspace.glob("planted-*")) == []


def test_multi_line_inputs(runner: Runner, serve: Serve) -> None:
    """Lists come as lines, sensitive headers are masked, names with hyphens arrive."""
    inputs = {
        **INPUTS,
        "benchmarks": "precheck\naime2025\n",
        "extra-headers": "X-Team: blue\nX-Gateway-Token: gw-secret-1234567\n",
        "secret-headers": "X-Tenant: tenant-word-31\n",
        "max-connections": "4",
        "out": "reports/kvv",
    }
    step = runner.run(inputs, network=serve())
    assert step.status == 0, step.stdout
    assert step.log.masks == [KEY, "gw-secret-1234567", "tenant-word-31"]
    assert step.outputs["report-path"] == "reports/kvv/report.json"
    assert "gw-secret-1234567" not in (runner.workspace / "reports/kvv/journal.jsonl").read_text()


def test_empty_key_is_skipped(runner: Runner) -> None:
    """A fork's pull request has no secrets: skipped, said aloud, not a pass."""
    pull = {"head": {"repo": {"full_name": "fork/it"}}, "base": {"repo": {"full_name": "someone/it"}}}
    runner.event.write_text(json.dumps({"pull_request": pull}))
    step = runner.run({**INPUTS, "api-key": ""}, network="none")
    assert (step.status, step.outputs["verdict"]) == (0, "skipped")
    assert NO_KEY.format(secrets="api-key") in step.log.of("notice")[0].data
    assert "forks" in step.outputs["reason"]
    assert step.summary is not None
    assert "skipped" in step.summary
    assert not (runner.workspace / "kvv-out").exists()


def test_wrong_inputs(runner: Runner) -> None:
    """One error for each wrong input, exit 2, outputs that say nothing was concluded."""
    step = runner.run({**INPUTS, "tier": "smok", "epochs": "none", "stream": "yes"}, network="none")
    assert step.status == 2
    titles = [command.properties["title"] for command in step.log.of("error")]
    assert sorted(titles) == ["kvv: input epochs", "kvv: input stream", "kvv: input tier"]
    assert "smoke" in next(error.data for error in step.log.of("error") if "tier" in error.properties["title"])
    assert step.outputs["verdict"] == "inconclusive"
    assert step.outputs["report-path"] == ""


@pytest.mark.parametrize("out", ["../elsewhere", "/tmp/elsewhere", "link/kvv", "."])
def test_out_stays_in_the_workspace(runner: Runner, out: str) -> None:
    """No `out`, by path or by planted link, leads out of the workspace."""
    (runner.workspace / "link").symlink_to("/github/home")
    step = runner.run({**INPUTS, "out": out}, network="none")
    assert step.status == 2
    assert [error.properties["title"] for error in step.log.of("error")] == ["kvv: input out"]
    assert list(runner.home.iterdir()) == []


def wait_for(process: "subprocess.Popen[bytes]", text: bytes, seconds: float = 30) -> bytes:
    """Read the CLI's output until `text` has come."""
    assert process.stdout is not None
    deadline, read = time.monotonic() + seconds, b""
    while text not in read:
        assert time.monotonic() < deadline, read
        if select.select([process.stdout], [], [], 0.2)[0]:
            block = os.read(process.stdout.fileno(), 65536)
            assert block, read
            read += block
    return read


def containers(docker: str, name: str) -> str:
    argv = [docker, "ps", "-aq", "--filter", f"name={name}"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_cancelled_run_leaves_a_report(runner: Runner, serve: Serve, docker: str) -> None:
    """SIGINT, then SIGTERM: the container is gone and the report says interrupted."""
    cancel(runner, serve, docker)


def cancel(runner: Runner, serve: Serve, docker: str) -> float:
    """Cancel a run; seconds until its step was gone. How many they may be is asserted in `tests/perf`."""
    process = runner.start(FEW, network=serve(*SLOW))
    before = wait_for(process, b"started")
    time.sleep(1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    step = runner.ended(process, timeout=40, before=before)
    took = time.monotonic() - began
    assert containers(docker, runner.name) == ""
    assert step.status == 130
    assert report(runner)["state"] == "interrupted"
    assert step.outputs["verdict"] == "inconclusive"
    assert "nterrupted" in (runner.workspace / step.outputs["summary-path"]).read_text()
    assert step.log.of("warning")
    return took


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancelled_before_the_run(runner: Runner, serve: Serve, docker: str, number: signal.Signals) -> None:
    """A signal while the step is still being set up ends it, too."""
    process = runner.start(INPUTS, network=serve(*SLOW))
    before = wait_for(process, b"::add-mask::")
    process.send_signal(number)
    step = runner.ended(process, timeout=40, before=before)
    assert step.status == 130
    assert containers(docker, runner.name) == ""


def test_files_belong_to_the_workspace_owner(runner: Runner, serve: Serve) -> None:
    """Reports, and folders made for them, have the owner of the checkout, not root."""
    if os.geteuid() == 0:
        os.chown(runner.workspace, 1001, 127)
    owner = runner.workspace.stat()
    step = runner.run({**INPUTS, "out": "new/folder"}, network=serve())
    assert step.status == 0, step.stdout
    found = {(path.stat().st_uid, path.stat().st_gid) for path in runner.workspace.rglob("*")}
    assert found == {(owner.st_uid, owner.st_gid)}
    assert len(list((runner.workspace / "new/folder").iterdir())) >= 5


def test_files_belong_to_the_owner_after_a_cancel(runner: Runner, serve: Serve) -> None:
    """The same when the run was interrupted."""
    if os.geteuid() == 0:
        os.chown(runner.workspace, 1001, 127)
    process = runner.start(FEW, network=serve(*SLOW))
    before = wait_for(process, b"started")
    process.send_signal(signal.SIGTERM)
    runner.ended(process, timeout=40, before=before)
    owner = runner.workspace.stat()
    assert {path.stat().st_uid for path in runner.workspace.rglob("*")} == {owner.st_uid}


def test_post_removes_what_the_job_left(runner: Runner, docker: str, image: str) -> None:
    """Containers with the job's label go; those of another attempt stay; a second time there is nothing to do."""
    mine, other = f"kvv-e2e-{os.getpid()}-mine", f"kvv-e2e-{os.getpid()}-other"
    for name, label in ((mine, runner.label), (other, runner.label.replace("-1-", "-2-"))):
        argv = [
            docker,
            "run",
            "-d",
            "--name",
            name,
            "--label",
            f"kvv.run={label}",
            "--entrypoint",
            "sleep",
            image,
            "99",
        ]
        subprocess.run(argv, check=True, capture_output=True)
    try:
        first, second = runner.post(), runner.post()
        assert (first.status, second.status) == (0, 0)
        assert b"removed 1 " in first.stdout
        assert b"removed 0 " in second.stdout
        assert containers(docker, mine) == ""
        assert containers(docker, other) != ""
    finally:
        subprocess.run([docker, "rm", "-f", mine, other], capture_output=True)


def test_without_an_engine(runner: Runner, serve: Serve) -> None:
    """On a runner without docker.sock the step works, and post has nothing to do."""
    runner.mount_socket = False
    assert runner.run(INPUTS, network=serve()).status == 0
    post = runner.post()
    assert post.status == 0
    assert b"no container engine" in post.stdout
    assert post.log.commands == []


def test_the_command_line_in_the_image(docker: str, image: str) -> None:
    """`kvv` runs as any user, without network, on a read-only root: a laptop or Kubernetes."""
    argv = [docker, "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", "1234", "--network", "none",
            image, "demo", "--out", "/tmp/out"]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def imported() -> list[str]:
    """Every module that our code imports, at whatever depth."""
    found = set[str]()
    ours = (path for top in ("kvv_action", "benchmarks", "entrypoint") for path in (ROOT / top).rglob("*.py"))
    for path in (path for path in ours if "samples" not in path.parts):  # those are of tasks
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    return sorted(found)


def test_what_was_trimmed_from_the_image_is_not_missed(docker: str, image: str) -> None:
    """All that our code imports is there, and what is native works: Parquet, pictures, linear algebra."""
    program = (
        "import importlib, sys\n"
        "from benchmarks.swebench import grade_worker\n"
        "grade_worker.warm()\n"
        f"for name in {imported()}: importlib.import_module(name)\n"
        "import datasets, numpy, PIL.Image, pyarrow, pyarrow.csv, pyarrow.dataset, pyarrow.json, pyarrow.parquet\n"
        "pyarrow.parquet.write_table(pyarrow.table({'a': [1, 2]}), '/tmp/x.parquet')\n"
        "read = datasets.load_dataset('parquet', data_files='/tmp/x.parquet', split='train', cache_dir='/tmp/c')\n"
        "assert [row['a'] for row in read] == [1, 2]\n"
        "assert numpy.allclose(numpy.linalg.inv(numpy.eye(9) * 2), numpy.eye(9) / 2)\n"
        "for kind in 'png', 'jpeg', 'webp', 'gif': PIL.Image.new('RGB', (9, 9)).save(f'/tmp/x.{kind}')\n"
        "for kind in 'png', 'jpeg', 'webp', 'gif': PIL.Image.open(f'/tmp/x.{kind}').load()\n"
        "from math_verify import parse, verify\n"
        "assert verify(parse('$\\\\frac{1}{2}$'), parse('$0.5$'))\n"
    )
    argv = [
        docker,
        "run",
        "--rm",
        "--network",
        "none",
        "--entrypoint",
        "/opt/kvv/bin/python",
        image,
        "-IB",
        "-c",
        program,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
