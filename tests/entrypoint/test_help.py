"""Help: complete, true and quick."""

import re
import subprocess
import sys

import pytest

from entrypoint.cli import COMMANDS
from entrypoint.options import STEPS, SUBMISSION
from entrypoint.settings import ours
from kvv_action.settings import choices, option_name
from tests.pipeline.command import kvv

Settings = ours().model

HEAVY = ("aiohttp", "datasets", "docker", "httpx", "math_verify", "numpy", "pydantic", "rich", "structlog", "uvloop")
NOT_FOR_DEMO = {
    "api_key", "base_url", "vendor", "allow_dataset_drift", "dataset_cache", "reference_api_key", "reference_base_url",
    "reference_model", "secret_headers", "judge_api_key", "judge_base_url", "judge_model",
}  # fmt: skip
OURS = {"--help", "--host", "--port", "--latency", "--slow-seconds", "--fault", "--json", "--tolerance", "--force",
        "--run", "--all", "--dry-run", "--redact", "--allow-key-like", "--format", "--config", "--quiet",
        "--verbose", "--restarted", "--thinking", "--like", "--add-to", "--calls", "--note",
        "--inside-prompts", "--tokens-per-second"}  # fmt: skip
OF_A_RUN = {"--help", "--config", "--json"}
"""Options of runs that are no settings, beside -q and -v."""
KEYS = {"--api-key", "--reference-api-key", "--judge-api-key", "--secret-headers"}
SETTINGS = set(Settings.model_fields) - {*SUBMISSION, *STEPS}
"""What a run is set by."""


def options(command: str) -> set[str]:
    """The options that a command's help lists."""
    return set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", kvv(command, "--help").out, re.MULTILINE))


def test_the_overview_names_every_command() -> None:
    """`kvv --help` has a line for each command, and the exit statuses."""
    ran = kvv("--help")
    assert ran.status == 0
    for name, text in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", ran.out, re.MULTILINE)
    assert "exit status: 0 pass, 1 fail, 2 wrong usage, 3 inconclusive or skipped, 70 defect, 130" in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Help goes to standard output and ends well."""
    ran = kvv(command, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: kvv {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns nothing is wider, examples included: a command goes on in a further line, as a shell reads it."""
    monkeypatch.setenv("COLUMNS", "80")
    text = kvv(command, "--help").out + kvv(command, "-h").out
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_run_has_every_setting() -> None:
    """`kvv run` takes every setting but the key."""
    assert options("run") == {f"--{option_name(name)}" for name in SETTINGS} - KEYS | OF_A_RUN


def test_demo_has_every_setting_that_makes_sense_there() -> None:
    """`kvv demo` takes the same options, but for those of a real endpoint."""
    expected = {f"--{option_name(name)}" for name in SETTINGS - NOT_FOR_DEMO}
    assert options("demo") == expected | OF_A_RUN | {"--fault"}


def test_the_short_help_of_a_run_fits_a_screen() -> None:
    """`-h` has the options that matter, two examples, and says where all others are."""
    ran = kvv("run", "-h")
    assert ran.status == 0
    assert len(re.findall(r"^  --", ran.out, re.MULTILINE)) == 10
    assert ran.out.count("  kvv run --base-url") == 2
    assert ran.out.rstrip().endswith("kvv run --help")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_told(option: str) -> None:
    """In one line."""
    assert re.fullmatch(r"kvv \d+\.\d+\.\d+\S*\n", kvv(option).out)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_names_what_does_not_exist(command: str) -> None:
    """Every option that a help mentions anywhere is an option of some command."""
    known = OURS | {f"--{option_name(name)}" for name in Settings.model_fields}
    assert set(re.findall(r"--[a-z][a-z-]+", kvv(command, "--help").out)) <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_a_help_mentions_exists(command: str) -> None:
    """`kvv NAME` in a help is a command."""
    mentioned = set(re.findall(r"(?:^  |`)kvv ([a-z][a-z0-9-]+)", kvv(command, "--help").out, re.MULTILINE))
    assert mentioned <= set(COMMANDS)


def test_help_tells_choices_and_defaults() -> None:
    """A closed setting shows its words; an open one its default."""
    text = " ".join(kvv("run", "--help").out.split())
    for name in SETTINGS:
        for word in choices(Settings.model_fields[name]):
            assert word in text, (name, word)
    assert "Requests in flight at most. Default: 50." in text
    assert "Folder for journal and reports. Default: kvv-out." in text


def imported(*arguments: str) -> set[str]:
    """Top-level modules that a command has imported when it ends."""
    program = (
        "import sys; from entrypoint.cli import main; sys.stdout.flush()\n"
        "status = main(sys.argv[1:])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_overview_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help is quick because nothing is imported for it."""
    assert imported(*arguments).isdisjoint(HEAVY)


@pytest.mark.parametrize("arguments", [["run", "--help"], ["demo", "--help"], ["faults"], ["profiles"], ["benchmarks"]])
def test_what_only_some_runs_need_is_not_imported(arguments: list[str]) -> None:
    """Hub datasets, containers and the mathematics wait until they are needed."""
    assert imported(*arguments).isdisjoint({"datasets", "docker", "math_verify", "numpy", "pandas", "sympy"})
