"""A replay of GitHub's runner: the `docker run` it makes, and how it reads what comes back.

Written from actions/runner: `ContainerActionHandler.cs` and `DockerCommandManager.cs` (arguments, mounts, environment),
`ActionCommandManager.cs` and `ActionCommand.cs` (lines of output), `FileCommandManager.cs` (files).
"""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SUMMARY_LIMIT = 1024 * 1024
REGISTERED = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path",
    "notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    properties: dict[str, str]
    data: str


@dataclass(slots=True)
class Log:
    """What the runner makes of a step's output: commands it carries out, and lines it shows, masked."""

    commands: list[Command] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def of(self, name: str) -> list[Command]:
        return [command for command in self.commands if command.name == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that has ended."""

    status: int
    stdout: bytes
    stderr: bytes
    log: Log
    outputs: dict[str, str]
    summary: str | None


def read_log(*streams: bytes) -> Log:
    """Every line, as `ActionCommandManager` treats it."""
    log, stop_token = Log(), ""
    for line in (line for stream in streams for line in re.split(r"\r\n|\r|\n", stream.decode(errors="replace"))):
        known = REGISTERED | ({stop_token} if stop_token else set())
        command = _second_form(line, known) or _first_form(line, known)
        if command is None or (stop_token and command.name != stop_token):
            for mask in log.masks:
                line = line.replace(mask, "***")
            log.shown.append(line)
        elif command.name == stop_token:
            stop_token = ""
        else:
            log.commands.append(command)
            if command.name == "stop-commands":
                stop_token = command.data
            if command.name == "add-mask":
                log.masks.append(command.data)
    assert not stop_token, "the step ended with its commands stopped"
    return log


def _second_form(line: str, known: set[str]) -> Command | None:
    """`::name key=value,key=value::data`, white space before it allowed."""
    line = line.strip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, listed = line[2:end].partition(" ")
    if name.lower() not in known:
        return None
    pairs = (pair.strip().partition("=") for pair in listed.split(",") if "=" in pair)
    properties = {key: _unescaped(value, {"%3A": ":", "%2C": ","}) for key, _, value in pairs}
    return Command(name.lower(), properties, _unescaped(line[end + 2 :]))


def _first_form(line: str, known: set[str]) -> Command | None:
    """`##[name key=value;key=value]data`, anywhere in the line."""
    found = re.search(r"##\[([^\] ]+)([^\]]*)\](.*)", line)
    if found is None or found[1].lower() not in known:
        return None
    return Command(found[1].lower(), {}, found[3])


def _unescaped(text: str, more: Mapping[str, str] | None = None) -> str:
    for escape, character in {"%0D": "\r", "%0A": "\n", **(more or {}), "%25": "%"}.items():
        text = text.replace(escape, character)
    return text


def read_outputs(text: str) -> dict[str, str]:
    """A file of `name=value` and `name<<DELIMITER` entries.

    Raises:
        ValueError: what fails a step at GitHub.
    """
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc > 0:
            name, _, delimiter = line.partition("<<")
            value = "\n".join(_until(delimiter, lines))
        else:
            raise ValueError(f"Invalid format {line!r}")
        found[name] = value
    return found


def _until(delimiter: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise ValueError(f"Matching delimiter not found {delimiter!r}")


class Runner:
    """One job's directories on the host, and the steps run in them."""

    def __init__(self, root: Path, image: str, docker: str) -> None:
        self.image = image
        self.docker = docker
        self.workspace = root / "workspace"
        self.temp = root / "_temp"
        self.home, self.workflow, self.files = (
            self.temp / name for name in ("_github_home", "_github_workflow", "_runner_file_commands")
        )
        for folder in (self.workspace, self.home, self.workflow, self.files):
            folder.mkdir(parents=True)
        self.event = self.workflow / "event.json"
        self.event.write_text("{}")
        self.socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self.mount_socket = True
        self.name = f"kvvaction_{secrets.token_hex(3)}"
        self.run_id = str(secrets.randbelow(10**10))
        self.label = f"{self.run_id}-1-verify@runner-1"

    def start(
        self,
        inputs: Mapping[str, str],
        *,
        job_env: Mapping[str, str] | None = None,
        network: str = "",
        entrypoint: str = "",
        args: Sequence[str] = (),
    ) -> "subprocess.Popen[bytes]":
        """The docker CLI, as the runner starts it; values travel in its environment only."""
        variables = {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}
        variables |= {**self._variables(), **(job_env or {})}
        for name in ("output", "step_summary"):
            (self.files / name).touch()
        argv = [self.docker, "run", "--name", self.name, "--label", self.name[-6:], "--workdir", "/github/workspace"]
        argv.append("--rm")
        for name in variables:
            argv += ["-e", name]
        argv += ["-e", "GITHUB_ACTIONS=true", "-e", "CI=true"]
        if entrypoint:
            argv += ["--entrypoint", entrypoint]
        if network:
            argv += ["--network", network]
        for source, target in self._mounts():
            argv += ["-v", f"{source}:{target}"]
        environment = {"DOCKER_HOST": os.environ["DOCKER_HOST"]} if "DOCKER_HOST" in os.environ else {}
        return subprocess.Popen(
            [*argv, self.image, *args], env={**environment, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, inputs: Mapping[str, str], timeout: float = 60, **options: object) -> Step:
        """A whole step."""
        process = self.start(inputs, **options)  # type: ignore[arg-type]
        return self.ended(process, timeout=timeout)

    def ended(self, process: "subprocess.Popen[bytes]", timeout: float = 60, before: bytes = b"") -> Step:
        """Read everything once the CLI is gone; `before` is what was read from its output already."""
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        finally:
            process.kill()
        stdout = before + stdout
        summary = (self.files / "step_summary").read_bytes()
        return Step(
            status=process.returncode,
            stdout=stdout,
            stderr=stderr,
            log=read_log(stdout, stderr),
            outputs=read_outputs((self.files / "output").read_text()),
            summary=summary.decode() if 0 < len(summary) <= SUMMARY_LIMIT else None,
        )

    def post(self) -> Step:
        """The post step, in a container of its own."""
        self.name = f"kvvaction_{secrets.token_hex(3)}"
        return self.run({}, entrypoint="/opt/kvv/bin/kvv-action-post")

    def _variables(self) -> dict[str, str]:
        return {
            "HOME": "/github/home",
            "GITHUB_JOB": "verify",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": "0" * 40,
            "GITHUB_REPOSITORY": "someone/something",
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_ACTOR": "someone",
            "GITHUB_WORKFLOW_REF": "someone/something/.github/workflows/verify.yml@refs/heads/main",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/step_summary",
            "RUNNER_NAME": "runner-1",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": "/github/runner_temp",
        }

    def _mounts(self) -> Iterator[tuple[str | Path, str]]:
        if self.mount_socket:
            yield self.socket, "/var/run/docker.sock"
        yield self.temp, "/github/runner_temp"
        yield self.home, "/github/home"
        yield self.workflow, "/github/workflow"
        yield self.files, "/github/file_commands"
        yield self.workspace, "/github/workspace"
