"""The `kvv` command: what it accepts, what it refuses, and how it ends."""

import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from benchmarks import registry
from entrypoint.cli import COMMANDS
from kvv_action.profiles import loader
from kvv_action.simulator import FAULTS
from tests.pipeline.command import kvv, report


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("KVV_", "INPUT_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@contextmanager
def silent_port() -> Iterator[int]:
    """A listening port; at the end nobody has knocked."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener.getsockname()[1]
        with pytest.raises(BlockingIOError):
            listener.accept()


def refused(*arguments: str) -> list[str]:
    """The messages of a command that is refused before anything is sent."""
    with silent_port() as port:
        ran = kvv(*(argument.replace("PORT", str(port)) for argument in arguments))
    assert ran.status == 2, ran.err
    assert ran.out == ""
    assert not Path("kvv-out").exists()
    return [line.removeprefix("kvv: ") for line in ran.err.splitlines()]


def run(*arguments: str) -> list[str]:
    """The messages of a refused `kvv run`."""
    return refused("run", "--base-url", "http://127.0.0.1:PORT/v1", "--model", "kimi-k2.6", *arguments)


KEY = "sk-canary-123"
WRONG = {
    "--tier smok": "tier: 'smok' is not valid. Use one of: smoke, standard, full. Did you mean 'smoke'?",
    "--precheck of": "precheck: 'of' is not valid. Use one of: gate, warn, off. Did you mean 'off'?",
    "--think-mode open-source": "think-mode: 'open-source' is not valid. Use one of: kimi, opensource, none. "
    "Did you mean 'opensource'?",
    "--contract x": "contract: 'x' is not valid. Use one of: official, compatible.",
    "--fail-on inconclusiv": "fail-on: 'inconclusiv' is not valid. Use one of: fail, inconclusive, never. "
    "Did you mean 'inconclusive'?",
    "--epochs 0": "epochs: '0' is not valid. Use a whole number of at least 1 and at most 1024.",
    "--epochs 2.5": "epochs: '2.5' is not valid. Use a whole number of at least 1 and at most 1024.",
    "--limit 1e3": "limit: '1e3' is not valid. Use a whole number of at least 1 and at most 1000000.",
    "--seed -1": "seed: '-1' is not valid. Use a whole number of at least 0 and at most 9223372036854775807.",
    "--max-connections many": "max-connections: 'many' is not valid. "
    "Use a whole number of at least 1 and at most 2000.",
    "--total-timeout nan": "total-timeout: 'nan' is not valid. Use a number of more than 0 and at most 86400.",
    "--retry-attempts 0": "retry-attempts: '0' is not valid. Use a whole number of at least 1 and at most 20.",
    "--stream maybe": "stream: 'maybe' is not valid. Use true or false.",
    "--stream yes": "stream: 'yes' is not valid. Use true or false.",
    "--extra-body {": "extra-body: '{' is not valid. Write a JSON object; it does not parse: "
    "unexpected end of data: line 1 column 2 (char 1).",
    "--extra-body []": "extra-body: '[]' is not valid. Write a JSON object.",
    '--extra-body {"model":"x"}': """extra-body: '{"model":"x"}' is not valid. """
    "It may not hold 'model', which kvv sets itself.",
    '--extra-body {"top_p":0.9}': "extra-body: 'top_p' is not valid. top_p is locked in this profile and tested by "
    "Pre-Verification; leave it out, or set contract: compatible.",
    "--extra-headers X": "extra-headers: Write 'Name: value' in printable ASCII, one header a line.",
    "--extra-headers Authorization:x": "extra-headers: "
    "Authorization is set by kvv itself; the key belongs into api-key.",
    "--dataset aime": "dataset: 'aime' is not valid. Write BENCHMARK=PATH, one a line; 'aime' is not of that form.",
    "--dataset aime=x": "dataset: 'aime' is not valid. Use any of: BENCHMARKS. Did you mean 'aime2025'?",
    "--dataset aime2025=/no/such/file": "dataset /no/such/file: no such file or folder",
    "--benchmarks aime": "benchmarks: 'aime' is not valid. Use any of: BENCHMARKS. Did you mean 'aime2025'?",
    "--profile kimi-k2.66": "profile: 'kimi-k2.66' is not valid. Built-in profiles: PROFILES. "
    "Or give the path of a TOML file. Did you mean 'kimi-k2.6'?",
    "--profile none.toml": "profile: 'none.toml' is not valid. The file cannot be read (No such file or directory). "
    "Built-in profiles are given by name: PROFILES.",
    "--profile kimi-k3 --effort hgih": "effort: 'hgih' is not valid. The profile's levels are low, high, max. "
    "Did you mean 'high'?",
    "--tokenizer .": "tokenizer: '.' is not valid. It is a folder; name a file.",
    "--tokenizer /dev/null": "tokenizer: '/dev/null' is not valid. It is a device; name a file.",
    "--tokenizer gone": "tokenizer: 'gone' is not valid. There is no such file or folder.",
    "--mfjs-cases /dev/null": "mfjs-cases: '/dev/null' is not valid. It is a file; name a folder.",
    "--effort max": "effort: 'max' is not valid. The profile has no effort levels: leave it empty.",
    "--base-url ftp://host/v1": "base-url: 'ftp://host/v1' is not valid. "
    "Write the URL up to the version, as in https://api.example.com/v1.",
    "--base-url http://host/v1?a=b": "base-url: 'http://host/v1?a=b' is not valid. "
    "Leave out '?' and '#'; extra fields go into extra-body or extra-headers.",
    "--precheck off --benchmarks precheck": "benchmarks: Nothing is left to run with precheck: off.",
    "--tierr full": "--tierr: There is no such option; --help lists them. Did you mean '--tier'?",
    "--fault slow": "--fault: There is no such option; --help lists them.",
    "--epochs": "kvv run: Argument --epochs: expected one argument.",
    "extra": "extra: This argument is one too many; --help tells what is expected. "
    "A value stands behind its option, as in --benchmarks ID.",
    "smoke": "smoke: This argument is one too many; --help tells what is expected. "
    "A value stands behind its option, as in --tier smoke.",
    "https://h/v1": "https://h/v1: This argument is one too many; --help tells what is expected. "
    "A value stands behind its option, as in --base-url URL.",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_input_is_told_in_one_message(arguments: str) -> None:
    """The message names the input, its value, what is allowed and the nearest spelling; nothing is sent."""
    known = [name for name in registry.ids() if name in loader.load("kimi-k2.6").benchmarks]
    expected = WRONG[arguments].replace("BENCHMARKS", ", ".join(known)).replace("PROFILES", ", ".join(loader.names()))
    assert run(*arguments.split()) == [expected]


def test_every_problem_has_its_own_message() -> None:
    """Several wrong settings are told at once."""
    messages = run("--tier", "x", "--epochs", "x", "--stream", "x", "--extra-body", "x", "--limit", "0")
    assert [message.split(":")[0] for message in messages] == ["extra-body", "tier", "epochs", "limit", "stream"]


def test_problems_with_each_other_are_told_at_once() -> None:
    """What is missing, what the profile lacks and what no benchmark is come in one go."""
    messages = refused("run", "--profile", "kimi-k3", "--effort", "x", "--benchmarks", "x,y", "--dataset", "z=f")
    names = [message.split(":")[0] for message in messages]
    assert names == ["base-url", "model", "effort", "benchmarks", "benchmarks", "dataset"]


def test_every_unknown_option_is_named() -> None:
    """Two unknown options give two messages."""
    messages = run("--tierr", "full", "--epoch=3")
    assert [message.split(":")[0] for message in messages] == ["--tierr", "--epoch"]


def test_base_url_and_model_are_required() -> None:
    """The messages name all ways to give them."""
    assert refused("run") == [
        "base-url: Required: as input, --base-url or KVV_BASE_URL.",
        "model: Required: as input, --model or KVV_MODEL.",
    ]


def test_a_plan_needs_a_profile() -> None:
    """The message names the option, the variable and where the names are."""
    (message,) = refused("plan")
    assert message.startswith("profile: Required: as input, --profile or KVV_PROFILE")
    assert message.endswith("`kvv profiles` lists them.")


def test_an_empty_option_is_not_given() -> None:
    """An empty value, as a workflow passes an unset input, means the default."""
    assert refused("run", "--model", "", "--base-url", "", "--profile", "", "--tier", "") == refused("run")


@pytest.mark.parametrize(
    "form", [["--api-key", "sk-canary-123"], ["--api-key=sk-canary-123"], ["--key", "sk-canary-123"]]
)
@pytest.mark.parametrize("command", ["run", "demo", "simulate"])
def test_a_key_among_the_arguments_is_refused_with_advice(command: str, form: list[str]) -> None:
    """A command line is no place for a key; the message says where it goes and does not repeat it."""
    (message,) = refused(command, *form)
    assert message.endswith("The key is read from KVV_API_KEY only: other users of a machine can see command lines.")
    assert "canary" not in message


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("rnu", "run"), ("audti", "audit"), ("simulat", "simulate"), ("--verison", "--version"), ("--hlep", "--help"),
        ("verify", "run"), ("test", "run"), ("report", "render"),
    ],
)  # fmt: skip
def test_an_unknown_command_gets_the_nearest(word: str, nearest: str) -> None:
    """A misspelt command is answered with the list and the likely one."""
    (message,) = refused(word)
    assert f"Commands are {', '.join(COMMANDS)}." in message
    assert message.endswith(f"Did you mean '{nearest}'?")


def test_an_unknown_fault_gets_the_nearest() -> None:
    """A misspelt fault starts nothing."""
    (message,) = refused("demo", "--fault", "drops-useage")
    assert message.startswith("fault: 'drops-useage' is not valid. ")
    assert "`kvv faults` lists" in message
    assert message.endswith("Did you mean 'drops-usage'?")


@pytest.mark.parametrize("rate", ["slow=0", "slow=1.5", "slow=x", "slow=nan", "slow="])
def test_a_rate_is_a_share(rate: str) -> None:
    """A rate outside (0, 1] is refused."""
    assert refused("demo", "--fault", rate) == [
        f"fault: '{rate}' is not valid. A rate is a number above 0, up to 1, as in slow=0.5."
    ]


@pytest.mark.parametrize(
    "arguments",
    [["--port", "70000"], ["--port", "-1"], ["--port", "http"], ["--latency", "nan"], ["--latency", "-1"],
     ["--slow-seconds", "inf"], ["--tier", "smoke"], ["--host", "256.1.1.1", "--port", "0"]],
)  # fmt: skip
def test_a_vendor_that_cannot_be_served_is_refused(arguments: list[str]) -> None:
    """Ports, addresses and durations out of range give one message."""
    (message,) = refused("simulate", *arguments)
    assert arguments[0].lstrip("-") in message.lower() or "Cannot listen" in message


def test_a_port_in_use_is_refused() -> None:
    """The message names the port and the way out."""
    with silent_port() as port:
        ran = kvv("simulate", "--port", port)
    assert ran.status == 2
    assert f"port: '{port}' is not valid. Cannot listen on 127.0.0.1" in ran.err
    assert "Choose another port, or 0 for a free one." in ran.err


def test_an_address_that_is_not_here_is_refused() -> None:
    """No other port helps."""
    (message,) = refused("simulate", "--host", "192.0.2.1", "--port", "0")
    assert message.startswith("host: '192.0.2.1' is not valid. Cannot listen there: ")
    assert "127.0.0.1" in message


def test_hostile_arguments_are_shown_harmlessly() -> None:
    """Control characters in an argument reach the terminal as escapes."""
    (message,) = run("--tier", "\x1b[31mred\x07")
    assert "\x1b" not in message
    assert "\x07" not in message


def test_an_interruption_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that ends without a word leaves open why."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("entrypoint.commands.faults.main", interrupted)
    ran = kvv("faults")
    assert (ran.status, ran.out, ran.err) == (130, "", "kvv: interrupted\n")


def test_no_command_shows_the_overview() -> None:
    """`kvv` alone is a mistake, and helps."""
    ran = kvv()
    assert ran.status == 2
    assert "commands:" in ran.out


def test_the_version_is_told() -> None:
    """`kvv --version` is one line."""
    from kvv_action import __version__

    for word in ("--version", "version"):
        assert kvv(word).out == f"kvv {__version__}\n"


def test_help_about_a_command_is_its_own() -> None:
    """`kvv help plan`, as git and docker take it."""
    assert kvv("help", "plan").out == kvv("plan", "--help").out
    assert kvv("help").out == kvv("--help").out


def test_actions_are_named_as_they_are_typed() -> None:
    """Never as objects."""
    (message,) = refused("datasets", "fech")
    allowed = "Use one of: fetch, verify, list, pin. Did you mean 'fetch'?"
    assert message == f"kvv datasets: 'fech' is not valid. {allowed}"
    (message,) = refused("render", "run", "--format", "csv")
    assert message == "kvv render --format: 'csv' is not valid. Use one of: reports, kvv."


def test_faults_are_listed_with_their_conclusions() -> None:
    """`kvv faults` names each fault, what it does and what follows from it."""
    ran = kvv("faults")
    assert ran.status == 0
    assert re.findall(r"^[a-z-]+$", ran.out, re.MULTILINE) == list(FAULTS)
    for fault in FAULTS.values():
        assert f"  {fault.summary}\n  a verifier should conclude: {fault.conclusion}\n" in ran.out


def test_faults_are_listed_by_names_and_patterns() -> None:
    """Only those that are named; a name that is none has the nearest one beside it."""
    ran = kvv("faults", "truncates-*", "caps-output")
    found = re.findall(r"^[a-z-]+$", ran.out, re.MULTILINE)
    assert (ran.status, found) == (
        0,
        [name for name in FAULTS if name.startswith("truncates-") or name == "caps-output"],
    )
    assert len(found) > 1
    wrong = kvv("faults", "caps-outputt")
    assert (wrong.status, wrong.out, "'caps-output'" in wrong.err) == (2, "", True)


def test_benchmarks_are_listed() -> None:
    """`kvv benchmarks` has a line each, in the order in which they run."""
    ran = kvv("benchmarks")
    assert [line.split()[0] for line in ran.out.splitlines()] == list(registry.ids())


@pytest.mark.parametrize("command", ["benchmarks", "datasets list"])
def test_data_that_nobody_pinned_is_called_not_pinned(command: str) -> None:
    """A user sees it before a run, where neither a commit of the hub nor a digest is known."""
    lines = {line.split()[0]: line for line in kvv(*command.split()).out.splitlines()}
    told = {name for name, line in lines.items() if "not pinned" in line}
    assert told - {"beam"} == {"ocrbench", "aime2026", "toolcall", "swebench", "deepswe"}


def test_the_list_of_datasets_names_the_licence() -> None:
    """`none stated` alone does not say of what."""
    lines = kvv("datasets", "list").out.splitlines()
    assert all("; licence: " in line for line in lines)
    assert any("; licence: none stated; " in line for line in lines)


def test_profiles_are_listed() -> None:
    """`kvv profiles` has a line each."""
    ran = kvv("profiles")
    assert [line.split()[0] for line in ran.out.splitlines()] == list(loader.names())


@pytest.mark.parametrize("name", loader.names())
def test_a_profile_is_shown(name: str) -> None:
    """`kvv profiles NAME` shows locked parameters, sampling, references and sources."""
    profile = loader.load(name)
    ran = kvv("profiles", name)
    assert ran.status == 0
    assert profile.title in ran.out
    for text in (*profile.sources, *profile.benchmarks, *(f"locked: {p.name} = " for p in profile.parameters)):
        assert text in ran.out


def test_a_profile_is_shown_as_json() -> None:
    """`kvv profiles NAME --json` is the whole profile for programs."""
    (found,) = orjson.loads(kvv("profiles", "kimi-k3", "--json").out)
    assert found["name"] == "kimi-k3"
    assert set(found["benchmarks"]) == set(loader.load("kimi-k3").benchmarks)


def test_all_profiles_are_shown_as_json() -> None:
    """`kvv profiles --json` is a list."""
    assert [found["name"] for found in orjson.loads(kvv("profiles", "--json").out)] == list(loader.names())


SUBMIT = "leaderboard submit --leaderboard-repo a/b --leaderboard-dry-run true"


@pytest.mark.parametrize("command", ["render", "audit", "bundle", SUBMIT, "compare"])
def test_the_runs_in_a_folder_are_named(command: str, tmp_path: Path) -> None:
    """The folder of several runs, as of every level of effort, is none of one: their folders are what to name."""
    for level, name in (("low", "journal.jsonl"), ("high", "report.json"), ("max", "report.json")):
        (tmp_path / level).mkdir()
        (tmp_path / level / name).write_bytes(b"{}")
    more = (str(tmp_path),) if command == "compare" else ()
    (message,) = refused(*command.split(), str(tmp_path), *more)
    folders = ", ".join(f"{tmp_path}/{level}" for level in ("high", "low", "max"))
    assert message.endswith(f"{tmp_path}: holds 3 runs, each in a folder of its own; name one: {folders}")


@pytest.mark.parametrize("command", ["render", "audit"])
def test_a_folder_without_a_run_is_named(command: str, tmp_path: Path) -> None:
    """Reading what is not there gives the path and the next step."""
    (message,) = refused(command, str(tmp_path / "none"))
    assert message.startswith(f"{tmp_path}/none")
    assert message.endswith("name the folder that kvv wrote")


@pytest.mark.parametrize("command", ["doctor", "plan"])
def test_a_misspelt_variable_is_told_where_the_right_one_is_missing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before what is missing without it."""
    monkeypatch.setenv("KVV_MODLE", "kimi-k2.6")
    first, *rest = refused(command)
    assert first == "KVV_MODLE: This variable is not a setting and was ignored. Did you mean 'KVV_MODEL'?"
    assert "model" in " ".join(rest)


def test_a_misspelt_variable_is_pointed_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable that looks like a setting and is none does not vanish silently."""
    monkeypatch.setenv("KVV_MAX_CONECTIONS", "3")
    ran = kvv("demo", "--benchmarks", "precheck")
    assert "KVV_MAX_CONECTIONS: This variable is not a setting and was ignored." in ran.err
    quiet = kvv(
        "demo", "--benchmarks", "toolcall", "--precheck", "off", "-q", "--limit", "1", "--out", tmp_path / "out"
    )
    assert quiet.err.startswith("warning: KVV_MAX_CONECTIONS: This variable is not a setting and was ignored.")
    assert "Did you mean 'KVV_MAX_CONNECTIONS'?" in ran.err


@pytest.mark.parametrize("variable", ["KVV_PROFILE", "INPUT_PROFILE"])
def test_the_demonstration_follows_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults of `kvv demo` give way to variables and inputs."""
    monkeypatch.setenv(variable, "kimi-k2-0905")
    kvv("demo", "--benchmarks", "precheck", "--out", "out")
    assert report(Path("out"))["profile"]["name"] == "kimi-k2-0905"


def test_patience_of_the_demonstration_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable for retries is not overruled by what the demonstration would choose."""
    monkeypatch.setenv("KVV_RETRY_ATTEMPTS", "1")
    kvv("demo", "--fault", "server-errors", "--out", "out")
    usage = report(Path("out"))["usage"]
    assert usage["attempts"] == usage["requests"]


def test_options_win_over_inputs_and_inputs_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest place counts."""
    monkeypatch.setenv("KVV_TIER", "wrong-variable")
    monkeypatch.setenv("INPUT_TIER", "wrong-input")
    assert "wrong-option" in run("--tier", "wrong-option")[0]
    assert "wrong-input" in run()[0]


@pytest.mark.parametrize(("fail_on", "status"), [("inconclusive", 3), ("fail", 0), ("never", 0)])
def test_fail_on_decides_the_status(fail_on: str, status: int) -> None:
    """An open verdict fails the command only when asked to."""
    ran = kvv("demo", "--fault", "unauthorized", "--fail-on", fail_on, "--out", "out")
    assert ran.status == status
    assert report(Path("out"))["verdict"] == "inconclusive"


def shell(script: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash in which `kvv` is the command; status of the first part of a pipe in $?."""
    function = f'kvv() {{ "{sys.executable}" -m entrypoint.cli "$@"; }}; '
    return subprocess.run(
        ["bash", "-c", function + script],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_listing_that_cannot_be_written_says_so() -> None:
    """A full disk behind standard output is one message and no good end."""
    done = shell("kvv faults >/dev/full")
    assert (done.returncode, done.stderr) == (2, "kvv: standard output: No space left on device\n")


@pytest.mark.parametrize("command", ["faults", "runn", "audit nowhere"])
def test_a_disk_full_for_every_word_is_no_verdict(command: str) -> None:
    """Neither stream takes anything: the status says wrong usage, and not that a vendor fails."""
    assert shell(f"kvv {command} >/dev/full 2>/dev/full").returncode == 2


def test_a_reader_that_leaves_a_table_is_no_verdict() -> None:
    """The library that draws tables ends the process with 1, which would say that a vendor fails."""
    plan = "kvv plan --model kimi-k2.6 --base-url http://x/v1 --benchmarks aime2025 --dataset aime2025=bundled"
    done = shell(f"{{ sleep 0.1; {plan}; echo $? >status; }} | true")
    assert Path("status").read_text().strip() in ("0", "141"), done.stderr


def test_what_the_system_refuses_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that no system takes ends as wrong usage, not as a traceback with the status of a failed vendor."""
    ran = kvv("demo", "--benchmarks", "precheck", "--out", "a" * 300)
    assert ran.status == 2
    assert "File name too long; check the path" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setattr("entrypoint.commands.faults.main", _broken_connection)
    ran = kvv("faults")
    assert ran.status == 70
    assert "this is a defect of kvv" in ran.err


def _broken_connection(_: object) -> int:
    raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


@pytest.mark.parametrize("command", ["faults", "profiles --json", "run --help", "--help"])
def test_a_reader_that_leaves_is_no_error(command: str) -> None:
    """Piped into something that does not read, a listing ends without a word and not as a verdict."""
    done = shell(f"{{ sleep 0.1; kvv {command}; echo $? >status; }} | true")
    assert done.stderr == ""
    assert Path("status").read_text().strip() in ("0", "141")


@pytest.mark.parametrize("pipe", ["| true", "2>&1 | true", "2>&1 | head -1", ">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_a_verdict_stands_when_nobody_reads(pipe: str) -> None:
    """Progress and table may go nowhere; the run goes on, the reports are written, the status is the verdict's."""
    done = shell(f"kvv demo --benchmarks precheck --out out {pipe}; exit ${{PIPESTATUS[0]}}")
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 0
    assert report(Path("out"))["verdict"] == "pass"


def test_an_encoding_without_our_characters_is_no_error() -> None:
    """In a terminal that knows ASCII only, other characters are escaped."""
    done = shell("kvv demo --benchmarks precheck --fault drops-usage --out out", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "Verdict (demonstration): fail" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_variable_with_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is found wrong only beside the profile: nobody looks for it in an old shell."""
    monkeypatch.setenv("KVV_EFFORT", "max")
    told = "effort: 'max' is not valid. The profile has no effort levels: leave it empty."
    assert run() == [f"{told} It is set in the variable KVV_EFFORT."]
