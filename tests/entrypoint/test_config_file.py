"""Settings from a TOML file."""

import re
from pathlib import Path

import pytest

from entrypoint.config_file import placed, with_config
from entrypoint.settings import composed, load
from kvv_action.errors import Problem, UsageError


def settings(path: Path, text: str, **options: str) -> object:
    """The settings of a file with these options beside it."""
    path.write_text(text)
    return load(with_config(options, str(path), composed()))


def test_every_kind_of_value(tmp_path: Path) -> None:
    """Names with hyphens or underscores, numbers, words, lists and tables."""
    found = settings(
        tmp_path / "kvv.toml",
        """
        max-connections = 3
        model = 3
        max_cost = 2.5
        price-input = 1
        price-output = 2
        stream = false
        benchmarks = ["ocrbench", "aime2025"]
        extra-headers = ["X-One: a, b"]
        [dataset]
        ocrbench = "bundled"
        [extra-body]
        top_k = 4
        """,
    )
    expected = {
        "max_connections": 3, "model": "3", "max_cost": 2.5, "stream": False, "benchmarks": ("ocrbench", "aime2025"),
        "extra_headers": {"X-One": "a, b"}, "dataset": {"ocrbench": "bundled"}, "extra_body": {"top_k": 4},
    }  # fmt: skip
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_file_is_the_last_to_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options, inputs and variables win."""
    monkeypatch.setenv("KVV_SEED", "5")
    monkeypatch.setenv("INPUT_TIER", "full")
    found = settings(tmp_path / "c.toml", "seed = 1\nlimit = 1\ntier = 'standard'\nepochs = 7\n", limit="2")
    assert [getattr(found, name) for name in ("seed", "limit", "tier", "epochs")] == [5, 2, "full", 7]


def test_the_variable_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is looked for without it."""
    (tmp_path / "c.toml").write_text("limit = 9\n")
    monkeypatch.chdir(tmp_path)
    assert with_config({}, None, composed()) == {}
    monkeypatch.setenv("KVV_CONFIG", "c.toml")
    assert with_config({}, None, composed()) == {"limit": "9"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modle = 'x'", "Did you mean 'model'?"),
        ("api-key = 'sk-1'", "set KVV_API_KEY"),
        ("limit = ", "no file of settings"),
        ("limit = 'many'", "limit: 'many' is not valid"),
        ("limit = 1979-05-27", "limit: '1979-05-27' is not valid"),
        ("tier = true", "tier: 'true' is not valid"),
        ("limit = [3]", "line 1: 'limit' is not valid. It is a list, and this setting has one value."),
        ("tier = 'full'\nmodel = ['a', 'b']", "line 2: 'model' is not valid. It is a list"),
        ("limit = {a = 1}", "It is a table; write settings without one"),
        ("dataset = {a = 1}", """'{"a":1}' is not valid. Write its values as texts, in quotation marks."""),
        ("extra-headers = 3", "extra-headers: Write 'Name: value'"),
        ("load = 3", "load: '3' is not valid"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong, and what to do; a secret is not repeated."""
    with pytest.raises(UsageError) as found:
        settings(tmp_path / "c.toml", text)
    told = " ".join(map(str, found.value.problems))
    assert said in told
    assert "sk-1" not in told


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    """In words, not in those of Python's decoder."""
    (tmp_path / "c.toml").write_bytes("model = 'x'".encode("utf-16"))
    with pytest.raises(UsageError, match=r"it is not UTF-8 text\.$"):
        with_config({}, str(tmp_path / "c.toml"), composed())


def told(problem: Problem, *arguments: str) -> str:
    """A problem as a command with these arguments prints it."""
    return str(placed(problem, arguments, composed()))


LIMIT = Problem(name="limit", value="x", allowed="Use a whole number.")


def test_the_place_of_a_wrong_setting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable by its name, a file by the line; an option or an input has just been given."""
    file = tmp_path / "c.toml"
    file.write_text("model = 'kimi-k2.6'\n\n'limit' = 'x'\n[dataset]\naime2025 = 'nowhere'\n")
    config = ("--config", str(file))
    dataset = Problem(name="dataset", value="x", allowed="Write BENCHMARK=PATH.")
    assert told(LIMIT, *config) == f"limit: 'x' is not valid. Use a whole number. It is set in {file}, line 3."
    assert told(dataset, f"--config={file}").endswith(f"It is set in {file}, line 4.")
    assert told(LIMIT, *config, "--limit=x") == told(LIMIT, "--limit", "x") == str(LIMIT)
    monkeypatch.setenv("KVV_LIMIT", "x")
    assert told(LIMIT, *config).endswith("It is set in the variable KVV_LIMIT.")
    monkeypatch.setenv("INPUT_LIMIT", "x")
    assert told(LIMIT, *config) == str(LIMIT)


def test_the_place_is_not_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Advice about a key names its variable; what nobody set has no place."""
    monkeypatch.setenv("KVV_API_KEY", "x")
    about_key = Problem(name="api-key", value="", allowed="Check KVV_API_KEY.")
    assert told(about_key) == str(about_key)
    assert told(LIMIT) == str(LIMIT)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It was named, so it is missed."""
    with pytest.raises(UsageError, match="No such file"):
        with_config({}, str(tmp_path / "none.toml"), composed())


VALUES = ("3", "3.5", "true", "[1, 2]", '["a", "b"]', "{a = 1}", "nan", "inf", "1979-05-27", "[]", "{}", '""', "[[1]]")


def test_any_value_of_any_setting_is_taken_or_refused_in_words(tmp_path: Path) -> None:
    """Nothing ends in another error than one that names the setting; no class or object of Python is printed."""
    path = tmp_path / "any.toml"
    for name in composed().model_fields:
        for value in VALUES:
            path.write_text(f"{name} = {value}\n")
            try:
                load(with_config({}, str(path), composed()))
            except UsageError as error:
                said = str(error)
                assert not re.search(r"<class|Error\b|object at 0x|\bNone\b.*is not valid", said), said
