"""Settings: one name, three sources, and a message for every mistake."""

import os
import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from entrypoint.options import GROUPS
from entrypoint.settings import load, misspelt_variables, ours, unknown_inputs
from kvv_action.errors import UsageError, nearest
from kvv_action.settings import (
    OTHER_VARIABLES,
    RESERVED_BODY,
    RESERVED_HEADERS,
    SECRETS,
    all_headers,
    option_name,
    out_directory,
    vendor_name,
)

Settings = ours().model

KEY = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No setting comes from the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith(("KVV_", "INPUT_")):
            monkeypatch.delenv(name)
    return monkeypatch


def problem(values: Mapping[str, Any] | None = None) -> str:
    """The message of the one mistake."""
    with pytest.raises(UsageError) as caught:
        load(values)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_defaults_are_valid() -> None:
    """Without any source."""
    settings = load()
    assert (settings.tier, settings.max_connections, settings.stream, settings.benchmarks) == ("smoke", 50, True, ())
    assert settings.epochs is None


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    """A help text and a group."""
    field = Settings.model_fields[name]
    assert field.description
    assert isinstance(field.json_schema_extra, dict)
    assert field.json_schema_extra["group"] in GROUPS


SOURCES = {
    "base_url": ("https://a.example/v1", "https://a.example/v1"),
    "api_key": (KEY, KEY),
    "model": ("m", "m"),
    "vendor": ("Vendor & Co", "Vendor & Co"),
    "profile": ("kimi-k3", "kimi-k3"),
    "think_mode": ("opensource", "opensource"),
    "effort": ("max", "max"),
    "contract": ("compatible", "compatible"),
    "extra_body": ('{"top_k": 5, "a": {"b": [1]}}', {"top_k": 5, "a": {"b": [1]}}),
    "extra_headers": ("X-A: 1\nX-B: two words, comma", {"X-A": "1", "X-B": "two words, comma"}),
    "user_agent": ("agent/1.0 (x)", "agent/1.0 (x)"),
    "secret_headers": ("X-A: 1\nX-B: two words", "X-A: 1\nX-B: two words"),
    "benchmarks": ("precheck, aime2025\nprecheck", ("precheck", "aime2025")),
    "fingerprint": ("reference.txt", "reference.txt"),
    "tier": ("full", "full"),
    "dataset": ("aime2025=a,b.jsonl\nocrbench = bundled", {"aime2025": "a,b.jsonl", "ocrbench": "bundled"}),
    "dataset_cache": ("/tmp/x", "/tmp/x"),
    "allow_dataset_drift": ("true", True),
    "epochs": ("4", 4),
    "limit": ("10", 10),
    "seed": ("7", 7),
    "max_failure_rate": ("0.2", 0.2),
    "max_broken_tries": ("0.05", 0.05),
    "shard": ("0 / 4", "4/4"),
    "sequential": ("false", False),
    "precheck": ("off", "off"),
    "probes": ("tokens\nthinking.*", ("tokens", "thinking.*")),
    "mfjs_cases": ("/tmp/cases", "/tmp/cases"),
    "tokenizer": ("tiktoken.model", "tiktoken.model"),
    "image_encoding": ("jpeg", "jpeg"),
    "image_placement": ("interleaved", "interleaved"),
    "mmmu_prompt": ("direct", "direct"),
    "mmmu_parts": ("standard4, vision", ("standard4", "vision")),
    "swebench_dataset": ("lite", "lite"),
    "swebench_agent": ("patches=a b.jsonl", "patches=a b.jsonl"),
    "swebench_namespace": ("ghcr.io/mine", "ghcr.io/mine"),
    "swebench_instances": ("django__*, a__b-1", ("django__*", "a__b-1")),
    "swebench_exclude": ("none", ("none",)),
    "swebench_limits": ("steps=5, cost=0.5\ntests=60", {"steps": 5.0, "cost": 0.5, "tests": 60.0}),
    "swebench_network": ("false", False),
    "base_image": ("python:3.12", "python:3.12"),
    "stream": ("false", False),
    "max_connections": ("5", 5),
    "connect_timeout": ("1.5", 1.5),
    "first_token_timeout": ("2", 2.0),
    "silence_timeout": ("3", 3.0),
    "total_timeout": ("4", 4.0),
    "retry_attempts": ("1", 1),
    "retry_max_seconds": ("0", 0.0),
    "retry_base": ("0.5", 0.5),
    "max_response_bytes": ("1024", 1024),
    "dataset_pins": ("pins.json", "pins.json"),
    "max_memory": ("16777216", 2**24),
    "stop_after_failures": ("3", 3),
    "holdout": ("both", "both"),
    "max_requests": ("100", 100),
    "max_tokens": ("1000000", 1_000_000),
    "max_cost": ("2.5", 2.5),
    "max_minutes": ("45", 45.0),
    "price_input": ("0.6", 0.6),
    "price_output": ("2.5", 2.5),
    "assumed_speed": ("100", 100.0),
    "toolcall_mode": ("completions", "completions"),
    "load": ("1, 8,32", (1, 8, 32)),
    "beam_size": ("500k", "500k"),
    "beam_scoring": ("paper", "paper"),
    "deepswe_agent": ("patches=a b.jsonl", "patches=a b.jsonl"),
    "deepswe_agent_name": ("mine@1.2", "mine@1.2"),
    "deepswe_set": ("mini", "mini"),
    "deepswe_tasks": ("rows-*\na-b", ("rows-*", "a-b")),
    "deepswe_exclude": ("none", ("none",)),
    "deepswe_languages": ("python, go", ("python", "go")),
    "deepswe_categories": ("bug", ("bug",)),
    "deepswe_limits": ("steps=5, cost=0.5", {"steps": 5.0, "cost": 0.5}),
    "reference": ("a,b.jsonl\nc", ("a,b.jsonl", "c")),
    "reference_base_url": ("https://b.example/v1", "https://b.example/v1"),
    "reference_model": ("r", "r"),
    "reference_api_key": (KEY, KEY),
    "judge_base_url": ("https://j.example/v1/", "https://j.example/v1"),
    "judge_model": ("j", "j"),
    "judge_api_key": (KEY, KEY),
    "judge_extra_body": ('{"temperature": 1.0}', {"temperature": 1.0}),
    "judge_max_requests": ("7", 7),
    "judge_max_tokens": ("70", 70),
    "containers": ("8", 8),
    "container_cpus": ("0.5", 0.5),
    "container_memory": ("2", 2.0),
    "container_pids": ("100", 100),
    "container_disk": ("0.5", 0.5),
    "container_pull": ("never", "never"),
    "container_mirror": ("a.example/hub\nghcr.io/x=b/y/", {"docker.io": "a.example/hub", "ghcr.io/x": "b/y"}),
    "container_images": ("keep", "keep"),
    "out": ("here", "here"),
    "fresh": ("True", True),
    "retry_failed": ("FALSE", False),
    "fail_on": ("never", "never"),
    "baseline": ("kvv-main", "kvv-main"),
    "baseline_tolerance": ("5", 5.0),
    "bundle": ("redacted", "redacted"),
    "command": ("merge", "merge"),
    "shards": ("parts", "parts"),
    "shard_minutes": ("30", 30),
    "max_shards": ("8", 8),
    "leaderboard_repo": ("example/board", "example/board"),
    "leaderboard_token": (KEY, KEY),
    "leaderboard_vendor": ("acme.ai", "acme.ai"),
    "leaderboard_evidence_url": ("https://e.example/run.tar.gz", "https://e.example/run.tar.gz"),
    "leaderboard_attested": ("true", True),
    "leaderboard_allow_incomplete": ("true", True),
    "leaderboard_dry_run": ("true", True),
    "leaderboard_api_url": ("https://ghe.example/api/v3", "https://ghe.example/api/v3"),
}


def value(settings: Settings, name: str) -> Any:
    found = getattr(settings, name)
    return found.get_secret_value() if name in SECRETS else found


def test_every_setting_is_read_below() -> None:
    """A new one needs its example."""
    assert set(SOURCES) == set(Settings.model_fields)


@pytest.mark.parametrize("name", SOURCES)
def test_an_option_is_read(name: str) -> None:
    """By field name, as text."""
    given, expected = SOURCES[name]
    assert value(load({name: given}), name) == expected


@pytest.mark.parametrize("name", SOURCES)
def test_an_input_is_read(environment: pytest.MonkeyPatch, name: str) -> None:
    """`INPUT_MAX-CONNECTIONS`: GitHub keeps the hyphen. YAML blocks leave a line break at the end."""
    given, expected = SOURCES[name]
    environment.setenv(f"INPUT_{option_name(name).upper()}", f"{given}\n")
    assert value(load(), name) == expected


@pytest.mark.parametrize("name", SOURCES)
def test_a_variable_is_read(environment: pytest.MonkeyPatch, name: str) -> None:
    """`KVV_MAX_CONNECTIONS`."""
    given, expected = SOURCES[name]
    environment.setenv(f"KVV_{name.upper()}", f" {given} ")
    assert value(load(), name) == expected


def test_a_variable_may_be_written_in_small_letters(environment: pytest.MonkeyPatch) -> None:
    """The case of its letters says nothing."""
    environment.setenv("kvv_Max_connections", "7")
    assert load().max_connections == 7


def test_options_win_over_inputs_and_inputs_over_the_environment(environment: pytest.MonkeyPatch) -> None:
    """The nearer to the user, the stronger."""
    environment.setenv("KVV_MAX_CONNECTIONS", "1")
    assert load().max_connections == 1
    environment.setenv("INPUT_MAX-CONNECTIONS", "2")
    assert load().max_connections == 2
    assert load({"max_connections": "3"}).max_connections == 3


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_blank_means_not_given(environment: pytest.MonkeyPatch, blank: str) -> None:
    """GitHub passes every input, also those that nobody set; the next source is asked."""
    environment.setenv("KVV_MAX_CONNECTIONS", "1")
    environment.setenv("INPUT_MAX-CONNECTIONS", blank)
    assert load({"max_connections": blank}).max_connections == 1
    environment.setenv("KVV_MAX_CONNECTIONS", blank)
    assert load().max_connections == 50


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        (True, True),
    ],
)
def test_booleans_as_github_writes_them(given: Any, expected: bool) -> None:
    """The six spellings of YAML 1.2's core schema."""
    assert load({"stream": given}).stream is expected


@pytest.mark.parametrize("given", ["yes", "1", "on", "0", "no", "tRuE", "ture"])
def test_other_booleans_are_refused(given: str) -> None:
    """Nobody has to guess what `0` does."""
    assert problem({"stream": given}) == f"stream: {given!r} is not valid. Use true or false."


def test_options_may_be_repeated() -> None:
    """As lists of texts."""
    settings = load({
        "benchmarks": ["precheck,aime2025", "ocrbench"],
        "dataset": ["aime2025=a", "ocrbench=b"],
        "extra_headers": ["X-A: 1", "X-B: 2"],
    })  # fmt: skip
    assert settings.benchmarks == ("precheck", "aime2025", "ocrbench")
    assert settings.dataset == {"aime2025": "a", "ocrbench": "b"}
    assert settings.extra_headers == {"X-A": "1", "X-B": "2"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://h/v1/", "https://h/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("https://gateway.example/https://h/v1", "https://gateway.example/https://h/v1"),
    ],
)
def test_urls_are_brought_into_one_form(given: str, expected: str) -> None:
    """People paste what they have."""
    assert load({"base_url": given}).base_url == expected


FORM = "Write the URL up to the version, as in https://api.example.com/v1."
MISTAKES = [
    ("base_url", "api.example.com", FORM),
    ("base_url", "ftp://h/v1", FORM),
    ("base_url", "https://", FORM),
    ("base_url", "https://a b/v1", FORM),
    ("base_url", "https://h/v1\nx", FORM),
    ("base_url", "https://h:99999/v1", f"{FORM} A port is a number from 1 to 65535."),
    ("base_url", "https://a.example/v1,https://b.example/v1", f"{FORM} Give one address."),
    ("base_url", "https://h:80OO/v1", f"{FORM} A port is a number from 1 to 65535."),
    ("base_url", "http://::1:8000/v1", f"{FORM} An IPv6 address stands in brackets, as in http://[::1]:8000/v1."),
    ("base_url", "https://a..b/v1", f"{FORM} 'a..b' cannot be the name of a host."),
    ("base_url", "https://api–x.example/v1", f"{FORM} 'api–x.example' cannot be the name of a host."),
    ("base_url", f"https://{'a' * 64}.example/v1", f"{FORM} '{'a' * 64}.example' cannot be the name of a host."),
    ("base_url", "https://<your-host>/v1", f"{FORM} '<your-host>' cannot be the name of a host."),
    ("base_url", "https://[::1/v1", f"{FORM} Invalid IPv6 URL."),
    ("base_url", "https://h/v1?key=1", "Leave out '?' and '#'; extra fields go into extra-body or extra-headers."),
    ("user_agent", "caf\u00e9", "Use at most 200 printable ASCII characters."),
    ("base_url", "https://h/v1#x", "Leave out '?' and '#'; extra fields go into extra-body or extra-headers."),
    ("model", "a\x1bb", "Use at most 200 printable characters."),
    ("model", "a" * 201, "Use at most 200 printable characters."),
    ("limit", "0", "Use a whole number of at least 1 and at most 1000000."),
    ("limit", "ten", "Use a whole number of at least 1 and at most 1000000."),
    ("limit", "1.5", "Use a whole number of at least 1 and at most 1000000."),
    ("epochs", "1025", "Use a whole number of at least 1 and at most 1024."),
    ("seed", "-1", "Use a whole number of at least 0 and at most 9223372036854775807."),
    ("seed", "9" * 30, "Use a whole number of at least 0 and at most 9223372036854775807."),
    ("max_connections", "2001", "Use a whole number of at least 1 and at most 2000."),
    ("connect_timeout", "0", "Use a number of more than 0 and at most 600."),
    ("connect_timeout", "nan", "Use a number of more than 0 and at most 600."),
    ("total_timeout", "inf", "Use a number of more than 0 and at most 86400."),
    ("retry_max_seconds", "-1", "Use a number of at least 0 and at most 86400."),
    ("extra_body", "[1]", "Write a JSON object."),
    ("extra_body", "null", "Write a JSON object."),
    ("shard", "5/4", "Write I/N with I from 1 to N, as in 2/4; N is at most 9999."),
    ("shard", "0/0", "Write I/N with I from 1 to N, as in 2/4; N is at most 9999."),
    ("shard", "2", "Write I/N with I from 1 to N, as in 2/4; N is at most 9999."),
    ("dataset", "aime2025", "Write BENCHMARK=PATH, one a line; 'aime2025' is not of that form."),
    ("dataset", "a=1\na=2", "'a' is given twice."),
]


@pytest.mark.parametrize(("name", "given", "allowed"), MISTAKES)
def test_a_mistake_is_explained(name: str, given: str, allowed: str) -> None:
    """Which input, which value, what is allowed."""
    shown = given if len(given) <= 200 else given[:199] + "…"
    assert problem({name: given}) == f"{option_name(name)}: {shown!r} is not valid. {allowed}"


@pytest.mark.parametrize(
    ("name", "given", "words", "near"),
    [
        ("tier", "standart", "smoke, standard, full", "standard"),
        ("think_mode", "open-source", "kimi, opensource, none", "opensource"),
        ("contract", "offical", "official, compatible", "official"),
        ("precheck", "gates", "gate, warn, off", "gate"),
        ("fail_on", "inconclusiv", "fail, inconclusive, never", "inconclusive"),
    ],
)
def test_a_wrong_word_gets_the_nearest_right_one(name: str, given: str, words: str, near: str) -> None:
    """And all that there are."""
    message = problem({name: given})
    assert message == (f"{option_name(name)}: {given!r} is not valid. Use one of: {words}. Did you mean {near!r}?")


def test_a_word_like_none_gets_no_guess() -> None:
    """A far guess misleads."""
    assert "Did you mean" not in problem({"tier": "xyz"})


def test_the_value_is_named_wherever_it_came_from(environment: pytest.MonkeyPatch) -> None:
    """Input or environment, the message is the same."""
    environment.setenv("INPUT_LIMIT", "0")
    assert problem().startswith("limit: '0' is not valid.")
    environment.delenv("INPUT_LIMIT")
    environment.setenv("KVV_LIMIT", "-5")
    assert problem().startswith("limit: '-5' is not valid.")


def test_every_mistake_is_found_at_once() -> None:
    """Nobody wants to start a job five times."""
    with pytest.raises(UsageError) as caught:
        load({"tier": "x", "limit": "0", "stream": "maybe"})
    assert [found.name for found in caught.value.problems] == ["tier", "limit", "stream"]
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("name", RESERVED_BODY)
def test_extra_body_cannot_replace_what_is_verified(name: str) -> None:
    """The report would not be about what was asked."""
    assert f"It may not hold {name!r}" in problem({"extra_body": f'{{"{name}": 1}}'})


def test_extra_body_that_does_not_parse() -> None:
    """With the parser's reason."""
    assert "Write a JSON object; it does not parse: " in problem({"extra_body": "{'a': 1}"})


@pytest.mark.parametrize("name", [*RESERVED_HEADERS, "Authorization"])
def test_headers_of_our_own_cannot_be_given(name: str) -> None:
    """The key belongs where it is masked; the value is not shown."""
    message = problem({"extra_headers": f"{name}: {KEY}"})
    assert message == f"extra-headers: {name} is set by kvv itself; the key belongs into api-key."


@pytest.mark.parametrize("setting", ["extra_headers", "secret_headers"])
@pytest.mark.parametrize("line", ["X-A", "X A: 1", ": 1", "X-A: é", "X-A: a\x00b", f"{KEY}"])
def test_headers_of_another_form_are_refused(line: str, setting: str) -> None:
    """Without showing the value, which may be a secret."""
    assert problem({setting: line}) == (
        f"{option_name(setting)}: Write 'Name: value' in printable ASCII, one header a line."
    )


def test_secret_headers_are_sent_like_others() -> None:
    """Both kinds go out; the plan names both."""
    given = load({"extra_headers": "X-A: 1", "secret_headers": "X-B: 2\nX-C: 3"})
    assert all_headers(given) == {"X-A": "1", "X-B": "2", "X-C": "3"}
    assert "2" not in repr(given.secret_headers)


@pytest.mark.parametrize("key", ["a b", "schlüssel-123", "a\nb", "a\x00b", "\u202e123456"])
def test_a_key_that_fits_in_no_header_is_refused(key: str) -> None:
    """And not shown."""
    message = problem({"api_key": key})
    assert message == "api-key: It holds spaces, line breaks or characters that cannot stand in a header."


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (f"Bearer {KEY}", "begins with 'Bearer '"),
        (f"'{KEY}'", "quotation marks"),
        (f'"{KEY}"', "quotation marks"),
        ("$VENDOR_KEY", "the name of a key"),
        ("${{ secrets.VENDOR_KEY }}", "the name of a key"),
        ("<your-key>", "the name of a key"),
        ("%VENDOR_KEY%", "the name of a key"),
        (f"VENDOR_API_KEY={KEY}", "begins with the name of a variable"),
    ],
)
def test_what_is_pasted_with_a_key_is_named(key: str, told: str) -> None:
    """Also where it would fit into a header; the key is not shown."""
    message = problem({"api_key": key})
    assert told in message
    assert key not in message


def test_blanks_around_a_key_are_removed() -> None:
    """Secrets are often pasted with a line break."""
    assert load({"api_key": f" {KEY}\n"}).api_key.get_secret_value() == KEY


def test_the_key_prints_as_stars() -> None:
    """Settings may be logged by accident."""
    settings = load({"api_key": KEY})
    assert KEY not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert str(settings.api_key) == "***"
    assert KEY not in repr(settings.api_key)


def test_a_missing_key_prints_as_nothing() -> None:
    """So that one sees that it is missing."""
    assert str(load().api_key) == ""


def test_the_key_is_in_no_message_and_no_traceback(environment: pytest.MonkeyPatch) -> None:
    """Also when it was pasted into the wrong input."""
    environment.setenv("INPUT_API-KEY", KEY)
    values = {"tier": KEY, "dataset": f"a={KEY}\n{KEY}", "limit": f"x{KEY}", "extra_body": f'{{"a": {KEY}'}
    with pytest.raises(UsageError) as caught:
        load(values)
    assert len(caught.value.problems) == 4
    assert KEY not in str(caught.value)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_key_is_not_cut_into_a_message() -> None:
    """It is removed before the value is cut to size, so no half of it is left."""
    assert KEY[:10] not in problem({"api_key": KEY, "model": "x" * 190 + KEY + "x" * 50})


@pytest.mark.parametrize("url", ["https://user:hunter2@h/v1", "https://hunter2@h/v1", "https://hunter2@h:x/v1"])
def test_credentials_in_a_url_are_refused_and_not_shown(url: str) -> None:
    """They would stand in every log and report."""
    assert "hunter2" not in problem({"base_url": url})


@pytest.mark.parametrize(
    ("given", "near"),
    [("KVV_MAX_CONECTIONS", "KVV_MAX_CONNECTIONS"), ("KVV_APIKEY", "KVV_API_KEY"), ("KVV_BASEURL", "KVV_BASE_URL")],
)
def test_a_misspelt_variable_is_noticed(environment: pytest.MonkeyPatch, given: str, near: str) -> None:
    """With the name that was meant, and without its value."""
    environment.setenv(given, KEY)
    (found,) = misspelt_variables()
    assert str(found) == f"{given}: This variable is not a setting and was ignored. Did you mean {near!r}?"


def test_variables_of_others_are_not_misspelt(environment: pytest.MonkeyPatch) -> None:
    """Tests and builds have their own, and other programs too."""
    for name in (*OTHER_VARIABLES, "KVV_SOMETHING_ELSE_ENTIRELY", "KVV_SERVERS_DIR", "OTHER_API_KEY", "KVV_MODEL"):
        environment.setenv(name, "x")
    assert misspelt_variables() == ()


def test_the_vendor_is_the_host_by_default() -> None:
    """Or what the user calls it, or the embedded one."""
    assert vendor_name(load({"base_url": "https://api.example.com:8443/v1"})) == "api.example.com"
    assert vendor_name(load({"base_url": "https://h/v1", "vendor": "Example"})) == "Example"
    assert vendor_name(load()) == "embedded"


def test_settings_cannot_be_changed() -> None:
    """What was validated is what runs."""
    with pytest.raises(ValueError, match="frozen"):
        load().limit = 1  # type: ignore[misc]


def test_the_out_folder_is_a_path() -> None:
    """Relative to where the command runs."""
    assert str(out_directory(load({"out": "a/b"}))) == "a/b"


def test_the_nearest_spelling() -> None:
    """None is better than a far one."""
    assert nearest("aime2024", ("aime2025", "ocrbench")) == "aime2025"
    assert nearest("zzz", ("aime2025",)) is None


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("leaderboard_repo", "example"),
        ("leaderboard_repo", "https://github.com/example/board"),
        ("leaderboard_repo", "example/../board"),
        ("leaderboard_vendor", "Acme"),
        ("leaderboard_vendor", "a..b"),
        ("leaderboard_vendor", "../x"),
        ("leaderboard_evidence_url", "http://e.example/run"),
        ("leaderboard_evidence_url", "https://user:pw@e.example/run"),
    ],
)
def test_a_submission_goes_to_names_and_addresses(name: str, given: str) -> None:
    """Each is refused by its own name."""
    assert problem({name: given}).startswith(option_name(name))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://h/v1?api_key=sk-4f9a2b7c1d", "'https://h/v1?api_key=***'"),
        ("https://h/v1?a=1&sk-4f9a2b7c1d", "'https://h/v1?a=1&***'"),
        ("https://h/v1#sk-4f9a2b7c1d", "'https://h/v1#***'"),
    ],
)
def test_a_key_in_an_address_is_not_repeated(environment: pytest.MonkeyPatch, given: str, shown: str) -> None:
    """A query may hold a key; names and placeholders stay."""
    environment.setenv("INPUT_BASE-URL", given)
    with pytest.raises(UsageError) as caught:
        load()
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"base-url: {shown} is not valid. Leave out '?'")


def test_quotation_marks_of_yaml_are_pointed_out(environment: pytest.MonkeyPatch) -> None:
    """They became part of the value."""
    environment.setenv("INPUT_STREAM", '"true"')
    with pytest.raises(UsageError, match=r"Use true or false\. Leave out the quotation marks\."):
        load()


def test_an_input_that_does_not_exist_is_told(environment: pytest.MonkeyPatch) -> None:
    """With the likely one; what GitHub gives to every container, and empty ones, are no mistakes."""
    for name, value in {
        "MAX-REQUEST": "5",
        "URL": "x",
        "ARGS": "x",
        "ENTRYPOINT": "x",
        "KEY": "",
        "TIER": "full",
    }.items():
        environment.setenv(f"INPUT_{name}", value)
    told = [str(problem) for problem in unknown_inputs()]
    missing = "There is no such input; it was ignored."
    assert told == [f"max-request: {missing} Did you mean 'max-requests'?", f"url: {missing}"]


@pytest.mark.parametrize("role", ["", "reference_", "judge_"])
def test_credentials_in_an_address_belong_into_the_key_of_the_same_endpoint(role: str) -> None:
    """Each of the three endpoints has a key of its own, and the address is shown without them."""
    told = problem({f"{role}base_url": "https://me:sesame@h.example/v1"})
    assert told.endswith(f"the key belongs into {role.replace('_', '-')}api-key.")
    assert "sesame" not in told
