"""`kvv fingerprint` as a user gives it."""

import re
from pathlib import Path

import numpy as np
import pytest

from entrypoint.reference_files import read_reference
from kvv_action.fingerprint.prefixes import pool
from kvv_action.fingerprint.reference_file import as_bytes, digest
from kvv_action.schema import Thinking
from tests.fingerprint.conftest import MODEL, Vendors
from tests.fingerprint.worlds import Deployment, capture, moved, world
from tests.pipeline.command import kvv

KEY = "sk-right-key-1"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference, and captures of three honest deployments."""
    folder, random = tmp_path_factory.mktemp("files"), np.random.default_rng(1)
    truth = world(random, 30)
    made = {"ref": capture(random, Deployment(logs=truth), calls=2)}
    for name in ("a", "b", "c"):
        made[name] = capture(random, Deployment(logs=moved(random, truth, 0.0005)), calls=1, vendor=name)
    for name, reference in made.items():
        (folder / f"{name}.jsonl").write_bytes(as_bytes(reference))
    return folder


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVV_API_KEY", KEY)
    monkeypatch.setattr("entrypoint.usecases.fingerprint.pool", lambda: pool()[:60])


@pytest.mark.parametrize("words", [(), ("capture",), ("calibrate",), ("check",)])
def test_help_explains_each_step(words: tuple[str, ...]) -> None:
    """With commands that can be copied."""
    ran = kvv("fingerprint", *words, "--help")
    assert ran.status == 0
    assert "REF" in ran.out or "FILE" in ran.out or "capture" in ran.out
    if words in ((), ("capture",)):
        assert re.sub(r" \\\n +", " ", ran.out).count("kvv fingerprint capture --base-url") >= 3


def test_calibrating_sets_the_tolerance_with_its_evidence(files: Path, tmp_path: Path) -> None:
    """Into another file, where one is named; the reference stays as it is."""
    before, out = (files / "ref.jsonl").read_bytes(), tmp_path / "calibrated.jsonl"
    names = [files / f"{name}.jsonl" for name in ("ref", "a", "b", "c")]
    ran = kvv("fingerprint", "calibrate", *names, "-o", out)
    assert ran.status == 0, ran.err
    assert "calibrated: tolerance" in ran.out
    assert ran.out.count("nats at 30 prefixes") == 3
    assert (files / "ref.jsonl").read_bytes() == before
    assert read_reference(str(out)).tolerance is not None
    checked = kvv("fingerprint", "check", out)
    assert checked.status == 0
    assert f"sha256:{digest(read_reference(str(out)))}" in checked.out
    assert "used until" in checked.out or "expired on" in checked.out
    assert "calls 2, probabilities unknown of the content" in checked.out


def test_check_says_what_is_missing(files: Path) -> None:
    """An uncalibrated reference gives advice, and no verdict."""
    ran = kvv("fingerprint", "check", files / "a.jsonl")
    assert ran.status == 0
    assert "not calibrated: verdicts are advisory" in ran.out
    assert "self-noise: unknown: it was asked once" in ran.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("calibrate", "ref.jsonl", "a.jsonl", "b.jsonl"), "at least 3 honest deployments; there are 2: a, b"),
        (("calibrate", "ref.jsonl"), "CAPTURE"),
        (("check", "nothing.jsonl"), "No such file"),
        (("capture", "-o", "x.jsonl"), "base-url"),
        (("capture", "--base-url", "http://127.0.0.1:9/v1", "--model", MODEL), "Name the file to write"),
        (("capture", "--base-url", "http://127.0.0.1:9/v1", "--model", MODEL, "-o", "."), "It is a folder"),
        (("capture", "--base-url", "http://127.0.0.1:9/v1", "--model", MODEL, "-o", "ref.jsonl"), "It exists. Add"),
        (("capture", "--like", "a", "--add-to", "b"), "not both"),
        (("capture", "--restarted", "-o", "x"), "since which capture"),
        (("capture", "--calls", "0"), "1 to 64"),
        (("capture", "--thinking", "maybe"), "maybe"),
        (("captures",), "captures"),
    ],
)
def test_mistakes_are_explained(words: tuple[str, ...], why: str, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sent."""
    monkeypatch.chdir(files)
    ran = kvv("fingerprint", *words)
    assert ran.status == 2
    assert why in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("_key")
def test_a_capture_from_the_command_line(vendors: Vendors, tmp_path: Path) -> None:
    """Written, told, added to; the key is nowhere."""
    url = vendors()
    common = ("--base-url", url, "--model", MODEL, "--calls", "1", "--retry-attempts", "1")
    ran = kvv("fingerprint", "capture", *common, "--thinking", "off", "-o", tmp_path / "ref.jsonl", "--note", "a test")
    assert ran.status == 0, ran.err
    assert "asking 60 of 60 prefixes once" in ran.err
    assert "60 of 60 answers" in ran.err
    assert f"{MODEL}, calls to each: 1" in ran.out
    added = kvv("fingerprint", "capture", *common, "--add-to", tmp_path / "ref.jsonl", "--restarted")
    assert added.status == 0, added.err
    assert "calls to each: 2" in added.out
    sessions = read_reference(str(tmp_path / "ref.jsonl")).sessions
    assert [session.start for session in sessions] == [1, 2]
    assert {session.asking.thinking for session in sessions} == {Thinking.OFF}
    assert "a test" in sessions[0].note
    assert [path.name for path in tmp_path.iterdir()] == ["ref.jsonl"]
    told = ran.out + ran.err + added.out + added.err + (tmp_path / "ref.jsonl").read_text()
    assert KEY not in told


@pytest.mark.parametrize(
    "command",
    [
        ("fingerprint", "capture", "-o", "ref.jsonl", "--calls", "1"),
        ("fingerprint", "sample", "-o", "ref.jsonl"),
        ("baseline", "."),
    ],
)
def test_an_endpoint_that_breaks_down_is_no_mistake(
    command: tuple[str, ...], vendors: Vendors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status says that nothing is decided; where nothing was answered, nothing is left."""
    monkeypatch.setenv("KVV_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    ran = kvv(*command, "--base-url", vendors("error-echoes-key"), "--model", MODEL, "--retry-attempts", "1")
    assert ran.status == 3, ran
    assert "does not answer" in ran.out
    assert KEY not in ran.out + ran.err
    assert not list(tmp_path.iterdir())


def test_a_wrong_key_is_a_mistake_and_no_server_is_down(
    vendors: Vendors,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As for every command that asks an endpoint."""
    monkeypatch.setenv("KVV_API_KEY", "sk-wrong-key-1")
    wrong = kvv("fingerprint", "capture", "--base-url", vendors(), "--model", MODEL, "-o", tmp_path / "x")
    assert wrong.status == 2
    assert "key" in wrong.err
    nobody = ("--base-url", "http://127.0.0.1:9/v1", "--model", MODEL, "--connect-timeout", "1")
    down = kvv("fingerprint", "capture", *nobody, "-o", tmp_path / "x")
    assert down.status == 3
    assert "is down" in down.out
    assert not list(tmp_path.iterdir())
