"""A user's own TOML: what it may say, and how its mistakes are explained."""

import os
import re
from pathlib import Path

import pytest

from benchmarks import registry  # noqa: F401 - says which benchmarks profiles may have facts of
from kvv_action.errors import Problem, UsageError
from kvv_action.profiles import layers, loader
from kvv_action.profiles.loader import load

OWN = """\
schema = 1
title = "Mine"
model = "mine"
context_window = 4096
tool_call_id = "call_{index}"
sources = ["https://example.org/card"]

[thinking]
supported = true
switchable = true
default = true

[[parameters]]
name = "temperature"
value = 0.6
thinking_value = 1.0
rejected = [2.0]

[prompt_tokens]
no-format = 36

[benchmarks.aime2025]
sampling = { temperature = 1.0, max_tokens = 98304 }
without_thinking = { temperature = 0.6 }
epochs = 4
margin = 0.05
note = "short"
tiers = { smoke = { limit = 3, epochs = 1 } }
reference = { value = 0.5, source = "https://example.org", date = 2026-01-02, n = 30, note = "mean" }
"""


def write(folder: Path, text: str, name: str = "kimi.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def problems(name_or_path: str) -> tuple[Problem, ...]:
    with pytest.raises(UsageError) as caught:
        load(name_or_path)
    return caught.value.problems


def message(folder: Path, text: str) -> str:
    """The only problem, with the folder taken out of it."""
    (problem,) = problems(write(folder, text))
    return str(problem).replace(f"{folder}/", "")


def test_own_profile(tmp_path: Path) -> None:
    """A complete TOML of the user's own is a profile, named after its file."""
    profile = load(write(tmp_path, OWN))
    assert (profile.name, profile.model, profile.context_window) == ("kimi", "mine", 4096)


def test_tiers_are_filled_in(tmp_path: Path) -> None:
    """All three tiers exist, with the benchmark's epochs where they name none."""
    tiers = load(write(tmp_path, OWN)).benchmarks["aime2025"].tiers
    assert [(tiers[name].limit, tiers[name].epochs) for name in ("smoke", "standard", "full")] == [
        (3, 1),
        (None, 4),
        (None, 4),
    ]


def test_reference_date_may_be_text(tmp_path: Path) -> None:
    """A date in quotes reads as the same date."""
    quoted = load(write(tmp_path, OWN.replace("2026-01-02", '"2026-01-02"'))).benchmarks["aime2025"].reference
    assert quoted is not None
    assert quoted.date == "2026-01-02"


def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that ends in .toml is a file in the working directory."""
    write(tmp_path, OWN)
    monkeypatch.chdir(tmp_path)
    assert load("kimi.toml").title == "Mine"


def test_extends_overrides_only_what_differs(tmp_path: Path) -> None:
    """Tables merge: one number changes, everything beside it stays."""
    text = 'extends = "kimi-k2.6"\n[benchmarks.aime2025]\nepochs = 4\nsampling = { max_tokens = 1024 }\n'
    mine, base = load(write(tmp_path, text)), load("kimi-k2.6")
    assert mine.benchmarks["aime2025"].epochs == 4
    assert mine.benchmarks["aime2025"].sampling == {**base.benchmarks["aime2025"].sampling, "max_tokens": 1024}
    assert mine.benchmarks["ocrbench"] == base.benchmarks["ocrbench"]
    assert (mine.model, mine.parameters) == (base.model, base.parameters)


def test_extends_replaces_lists(tmp_path: Path) -> None:
    """A list takes the place of the base's list."""
    text = 'extends = "kimi-k2.6"\nparameters = []\nsources = ["https://example.org"]\n'
    profile = load(write(tmp_path, text))
    assert (profile.parameters, profile.sources) == ((), ("https://example.org",))


def test_extends_a_file_beside_it(tmp_path: Path) -> None:
    """A base's path counts from the folder of the file that names it."""
    write(tmp_path, OWN, "base.toml")
    profile = load(write(tmp_path, 'extends = "base.toml"\ntitle = "Other"\n'))
    assert (profile.title, profile.model) == ("Other", "mine")


def test_extending_nothing_new_keeps_the_digest(tmp_path: Path) -> None:
    """The digest is of the resolved content, not of the files."""
    assert load(write(tmp_path, 'extends = "kimi-k3"\n')).digest == load("kimi-k3").digest


def test_defaults_written_out_keep_the_digest(tmp_path: Path) -> None:
    """Saying a default aloud changes nothing."""
    silent, spoken = load(write(tmp_path, OWN)), load(write(tmp_path, "vision = false\n" + OWN))
    assert silent.digest == spoken.digest


CHANGES = [
    ('"Mine"', '"Yours"'),
    ('"mine"', '"yours"'),
    ("4096", "8192"),
    ('"call_', '"id_'),
    ("org/card", "org/other"),
    ("default = true", "default = false"),
    ("[2.0]", "[2.0, 3.0]"),
    ("rejected = [2.0]", "rejected = []"),
    ("no-format = 36", "no-format = 37"),
    ("98304", "98305"),
    ("epochs = 4", "epochs = 5"),
    ("margin = 0.05", "margin = 0.04"),
    ('"short"', '"long"'),
    ("limit = 3", "limit = 2"),
    ("value = 0.5,", "value = 0.51,"),
    ("2026-01-02", "2026-01-03"),
    ("n = 30", "n = 31"),
    ('"mean"', '"median"'),
    ("[thinking]", "[thinking]\nkeep = true"),
    ("schema = 1", 'schema = 1\ncontracts = ["tool-choice"]'),
]


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_digest_changes_with_any_value(tmp_path: Path, old: str, new: str) -> None:
    """Whatever could change a verdict changes the digest."""
    changed = OWN.replace(old, new, 1)
    assert changed != OWN
    assert load(write(tmp_path, changed)).digest != load(write(tmp_path, OWN)).digest


def test_digest_is_sha256() -> None:
    """The digest is 64 lower-case hexadecimal digits."""
    assert re.fullmatch(r"[0-9a-f]{64}", load("kimi-k2.5").digest)


EXTENDED = 'extends = "kimi-k2.6"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            EXTENDED + "[benchmarks.aime2025]\nepochs = 0\n",
            "benchmarks.aime2025.epochs: '0' is not valid. Must be greater than or equal to 1.",
        ),
        (
            EXTENDED + '[benchmarks.aime2025]\nepochs = "8"\n',
            "benchmarks.aime2025.epochs: '8' is not valid. Must be a valid integer.",
        ),
        (
            EXTENDED + "[benchmarks.aime2025]\nepoch = 8\n",
            (
                "benchmarks.aime2025.epoch: Unknown key. Known here: sampling, without_thinking, "
                "thinking, epochs, tiers, reference, margin, note, reference_file. Did you mean 'epochs'?"
            ),
        ),
        (
            EXTENDED + "[benchmarks.aime25]\nepochs = 8\n",
            (
                "benchmarks.aime25: Unknown benchmark. Known: precheck, ocrbench, mmmu_pro, aime2025, "
                "toolcall, swebench, beam, deepswe, fingerprint, aime2026, toolload. Did you mean 'aime2025'?"
            ),
        ),
        (
            EXTENDED + "[benchmarks.aime2025.tiers]\nsmok = { epochs = 1 }\n",
            "benchmarks.aime2025.tiers.smok: Unknown tier. Known: smoke, standard, full. Did you mean 'smoke'?",
        ),
        (
            EXTENDED + "[benchmarks.aime2025.tiers.smoke]\nepoch = 1\n",
            (
                "benchmarks.aime2025.tiers.smoke.epoch: Unknown key. Known here: limit, epochs, only_named. "
                "Did you mean 'epochs'?"
            ),
        ),
        (
            EXTENDED + "[benchmarks.mmmu_pro.reference]\nsize = 3\n",
            "benchmarks.mmmu_pro.reference.size: Unknown key. Known here: value, source, date, n, note, effort.",
        ),
        (
            EXTENDED + "[thinking]\nsuported = true\n",
            (
                "thinking.suported: Unknown key. Known here: supported, switchable, default, keep, "
                "efforts, default_effort, switch_open, strict, effort_alone, adaptive, effort_range, "
                "effort_untold, request, template, answer_field, inline. Did you mean 'supported'?"
            ),
        ),
        (
            EXTENDED + '[[parameters]]\nname = "n"\nvalue = 1\nreject = [2]\n',
            (
                "parameters.0.reject: Unknown key. Known here: name, value, thinking_value, rejected, open, "
                "open_without_thinking. "
                "Did you mean 'rejected'?"
            ),
        ),
        (
            'extend = "kimi-k2.6"\n' + OWN,
            (
                "extend: Unknown key. Known here: extends, schema, title, model, sources, thinking, "
                "parameters, benchmarks, context_window, vision, contracts, tool_call_id, prompt_tokens, markers, "
                "served_names, call_ids, tokens, surfaces, facts, reference_pack, refusals, output_limit, "
                "contract_levels, engine_options, word_tokens. Did you mean 'extends'?"
            ),
        ),
        (OWN.replace('model = "mine"\n', ""), "model: Required, but missing."),
        (OWN.replace("schema = 1", "schema = 2"), "schema: '2' is not valid. Must be 1."),
        (
            EXTENDED + 'contracts = ["tool-choise"]\n',
            (
                "contracts.0: 'tool-choise' is not valid. It is one of tool-schema, tool-choice, "
                "dynamic-tools, response-format. Did you mean 'tool-choice'?"
            ),
        ),
        (
            EXTENDED + "[benchmarks.precheck.sampling]\nseed = nan\n",
            ("benchmarks.precheck.sampling.seed: 'NaN' is not valid. Must be a JSON value: no date, no nan, no inf."),
        ),
        (
            EXTENDED + "[benchmarks.precheck.sampling]\nseed = 2026-01-02\n",
            (
                "benchmarks.precheck.sampling.seed: '2026-01-02' is not valid. "
                "Must be a JSON value: no date, no nan, no inf."
            ),
        ),
        (
            EXTENDED + '[engine_options.vllm]\n--tool-call-parser = "kimi_k2"\n',
            (
                "engine_options.vllm: 'vllm' is not valid. It is one of vLLM, SGLang, TensorRT-LLM, llama.cpp. "
                "Did you mean 'vLLM'?"
            ),
        ),
        (
            EXTENDED + '[engine_options.vLLM]\ntool-call-parser = "kimi_k2"\n',
            (
                "engine_options.vLLM.tool-call-parser: 'tool-call-parser' is not valid. "
                "Must be an option as its engine is given it: --tool-call-parser."
            ),
        ),
        (
            EXTENDED + '[engine_options.vLLM]\n--tool-call-parser = "a b"\n',
            (
                "engine_options.vLLM.--tool-call-parser: 'a b' is not valid. "
                "Must be one word of at most 120 ASCII characters, without spaces."
            ),
        ),
        (
            EXTENDED + '[call_ids]\nofficial = "warnin"\n',
            (
                "call_ids.official: 'warnin' is not valid. It is one of failure, warning, information. "
                "Did you mean 'warning'?"
            ),
        ),
        (
            EXTENDED + "[benchmarks.precheck]\nsampling.stream = true\n",
            (
                'benchmarks.precheck.sampling: \'{"max_tokens": 2048, "stream": true}\' is not valid. '
                "Must not set stream: the run sets it."
            ),
        ),
        (
            EXTENDED + "[benchmarks.aime2025]\nmargin = 1.5\n",
            "benchmarks.aime2025.margin: '1.5' is not valid. Must be less than or equal to 1.",
        ),
        (
            EXTENDED + "[benchmarks.aime2025.sampling]\ntemperature = 0.7\n",
            (
                "benchmarks.aime2025.sampling.temperature: '0.7' is not valid. "
                "The profile locks temperature to 1.0 while thinking. Change [[parameters]] as well."
            ),
        ),
        (
            EXTENDED + "[benchmarks.aime2025.without_thinking]\ntemperature = 1.0\n",
            (
                "benchmarks.aime2025.without_thinking.temperature: '1.0' is not valid. "
                "The profile locks temperature to 0.6 while not thinking. Set it in without_thinking."
            ),
        ),
        (
            'extends = "kimi-k3"\n[benchmarks.aime2025]\nthinking = false\n',
            (
                "benchmarks.aime2025.thinking: 'false' is not valid. "
                "The model's thinking cannot be turned off: leave it out."
            ),
        ),
        (
            'extends = "kimi-k2-0905"\n[benchmarks.aime2025]\nthinking = true\n',
            "benchmarks.aime2025.thinking: 'true' is not valid. The model does not think: leave it out.",
        ),
        (
            'extends = "kimi-k2-0905"\n[thinking]\nkeep = true\n',
            "thinking.supported: 'false' is not valid. Other keys say that the model thinks.",
        ),
        (
            'extends = "kimi-k3"\n[thinking]\ndefault = false\n',
            (
                "thinking.default: 'false' is not valid. "
                "A model whose thinking cannot be switched thinks by default: set true."
            ),
        ),
        (
            'extends = "kimi-k3"\n[thinking]\ndefault_effort = "mid"\n',
            "thinking.default_effort: 'mid' is not valid. Must be one of efforts (low, high, max).",
        ),
        (
            'extends = "kimi-k3"\n[benchmarks.beam.reference]\neffort = "mid"\n',
            "benchmarks.beam.reference.effort: 'mid' is not valid. Must be one of thinking.efforts (low, high, max).",
        ),
        (
            OWN.replace("[2.0]", "[1.0]"),
            "parameters.0.rejected: '1.0' is not valid. A value cannot be both the only one accepted and rejected.",
        ),
        (
            OWN.replace(
                "[prompt_tokens]",
                '[[parameters]]\nname = "temperature"\nvalue = 0.6\nthinking_value = 1.0\n[prompt_tokens]',
            ),
            "parameters.1.name: 'temperature' is not valid. It is a duplicate.",
        ),
        (
            'extends = "kimi-k26"\n',
            (
                f"extends: 'kimi-k26' is not valid. Built-in profiles: {', '.join(loader.names())}. "
                "Or give the path of a TOML file. Did you mean 'kimi-k2.6'?"
            ),
        ),
        (
            "extends = 1\n",
            "extends: '1' is not valid. It is the name of a built-in profile or the path of a TOML file.",
        ),
        (
            'extends = "kimi.toml"\n',
            "extends: 'kimi.toml' is not valid. The profile would extend itself: end the cycle at one of the files.",
        ),
        ("title = \n", "Not valid TOML: Invalid value (at line 1, column 9)."),
    ],
)
def test_mistake(tmp_path: Path, text: str, expected: str) -> None:
    """A mistake names the place, the value, what is allowed, and the nearest spelling."""
    assert message(tmp_path, text) == f"profile kimi.toml: {expected}"


def test_every_mistake_is_reported(tmp_path: Path) -> None:
    """One problem for each mistake, in one error."""
    text = EXTENDED + "titel = 1\n[benchmarks.aime2025]\nepochs = 0\nmargin = -1.0\n"
    assert [problem.name.rpartition(": ")[2] for problem in problems(write(tmp_path, text))] == [
        "benchmarks.aime2025.epochs",
        "benchmarks.aime2025.margin",
        "titel",
    ]


def test_mistake_of_a_base_is_blamed_on_the_base(tmp_path: Path) -> None:
    """The message names the file in which the mistake stands."""
    write(tmp_path, OWN.replace("epochs = 4", "epochs = 0"), "base.toml")
    (problem,) = problems(write(tmp_path, 'extends = "base.toml"\n'))
    assert problem.name == f"profile {tmp_path}/base.toml: benchmarks.aime2025.epochs"


def test_cycle_of_files(tmp_path: Path) -> None:
    """Two files that extend each other are an error at the second."""
    write(tmp_path, 'extends = "kimi.toml"\n', "base.toml")
    (problem,) = problems(write(tmp_path, 'extends = "base.toml"\n'))
    assert problem.name == f"profile {tmp_path}/base.toml: extends"
    assert "extend itself" in problem.allowed


def test_long_value_is_cut(tmp_path: Path) -> None:
    """A wrong value is repeated only as far as it helps."""
    (problem,) = problems(write(tmp_path, EXTENDED + f'vision = "{"x" * 5000}"\n'))
    assert len(problem.value) == layers.SHOWN + 3


@pytest.mark.parametrize(
    ("name", "near"),
    [("kimi-k2.55", "kimi-k2.5"), ("Kimi-K3", "kimi-k3"), ("kimi-k2-0905-preview", "kimi-k2-0905"), ("qqq", None)],
)
def test_unknown_name(name: str, near: str | None) -> None:
    """An unknown profile lists the built-ins and suggests the nearest."""
    (problem,) = problems(name)
    assert (problem.name, problem.value, problem.nearest) == ("profile", name, near)
    assert "kimi-k2-thinking" in problem.allowed


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there says so, and suggests a built-in of that name."""
    path = str(tmp_path / "kimi-k3.toml")
    (problem,) = problems(path)
    assert (problem.name, problem.value, problem.nearest) == ("profile", path, "kimi-k3")
    assert "No such file or directory" in problem.allowed


def test_folder(tmp_path: Path) -> None:
    """A folder is not a profile."""
    (problem,) = problems(f"{tmp_path}/")
    assert "not a regular file" in problem.allowed


def test_pipe(tmp_path: Path) -> None:
    """A named pipe is refused before it could block."""
    os.mkfifo(tmp_path / "kimi.toml")
    (problem,) = problems(str(tmp_path / "kimi.toml"))
    assert "not a regular file" in problem.allowed


def test_zero_byte_in_path() -> None:
    """A path that no system can open is a problem, not a crash."""
    (problem,) = problems("kimi\0.toml")
    assert "cannot be read" in problem.allowed


def test_too_large(tmp_path: Path) -> None:
    """More than a mebibyte is refused."""
    (problem,) = problems(write(tmp_path, OWN + "#" * layers.SIZE_LIMIT))
    assert "larger than 1048576 bytes" in problem.allowed


def test_not_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are named by place."""
    (tmp_path / "kimi.toml").write_bytes(b'title = "\xff"')
    (problem,) = problems(str(tmp_path / "kimi.toml"))
    assert problem.allowed == "Not UTF-8 text (byte 9)."


@pytest.mark.parametrize(
    "text",
    [
        "benchmarks" + ".a" * 2000 + " = 1\n",
        "[benchmarks.precheck]\nsampling.x" + ".a" * 2000 + " = 1\n",
        "x = " + "[" * 100_000 + "]" * 100_000 + "\n",
        "x = " + "9" * 10_000 + "\n",
    ],
)
def test_hostile_toml(tmp_path: Path, text: str) -> None:
    """Depth and size that break parsers end in a problem."""
    assert problems(write(tmp_path, EXTENDED + text))


def test_a_profile_of_another_model_drops_what_was_measured(tmp_path: Path) -> None:
    """Scores, margins and token counts belong to the model; the same model under another title keeps them."""
    other = tmp_path / "other.toml"
    other.write_text('extends = "kimi-k3"\nmodel = "mine"\n')
    same = tmp_path / "same.toml"
    same.write_text('extends = "kimi-k3"\ntitle = "Mine"\n')
    own = tmp_path / "own.toml"
    own.write_text('extends = "other.toml"\n[benchmarks.beam]\nmargin = 0.1\n[prompt_tokens]\nno-format = 40\n')
    changed, kept, mine = load(str(other)), load(str(same)), load(str(own))
    assert all((rules.reference, rules.margin) == (None, None) for rules in changed.benchmarks.values())
    assert (changed.prompt_tokens, changed.tokens.measured) == ({}, False)
    assert kept.benchmarks["beam"].reference == load("kimi-k3").benchmarks["beam"].reference
    assert (kept.prompt_tokens["no-format"], kept.tokens.measured) == (36, True)
    assert (mine.benchmarks["beam"].margin, mine.prompt_tokens) == (0.1, {"no-format": 40})


def test_a_profile_without_newer_keys_keeps_its_digest(tmp_path: Path) -> None:
    """Keys that came later change nothing until they are used."""
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    before = load(str(path)).digest
    assert before == "d4c2b3dc612837e4766e623cafad3809f3e73140001a8fced68e589fed6af9d6"
    path.write_text(OWN + "[tokens]\nmeasured = false\n")
    assert load(str(path)).digest != before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "kimi-k2.6"\n[thinking]\nswitch_open = true\n', "thinking.switch_open"),
        ('extends = "kimi-k2.6"\n[call_ids]\nformat = "call_{number}"\n', "call_ids.format"),
        ('extends = "kimi-k2.6"\ntool_call_id = "call_{index"\n', "tool_call_id"),
        ('extends = "kimi-k2.6"\n[call_ids]\nofficial = "grave"\n', "call_ids.official"),
        ('extends = "kimi-k2.6"\n[tokens]\ncases = "kimi-k3"\n', "tokens.cases"),
        ('extends = "kimi-k2.6"\nreference_pack = "https://example.org/pack.json"\n', "reference_pack"),
        (
            'extends = "kimi-k2.6"\n[benchmarks.toolcall]\nreference_file = "https://example.org/a.jsonl@sha256:12"\n',
            "benchmarks.toolcall.reference_file",
        ),
        ('extends = "kimi-k2.6"\n[tokens]\ncases = "kimi-k4"\n', "tokens.cases"),
        ('extends = "kimi-k3"\n[prompt_tokens]\nno-formt = 36\n', "prompt_tokens.no-formt"),
        (
            'extends = "kimi-k3"\n[[parameters]]\nname = "temperature"\nvalue = 1.0\nopen = [1, 0]\n',
            "parameters.0.open",
        ),
        (
            (
                'extends = "kimi-k3"\n[[parameters]]\nname = "temperature"\nvalue = 1.0\nrejected = [0.5]\n'
                "open = [0.0, 1.0]\nopen_without_thinking = [0.0, 1.0]\n"
            ),
            "parameters.0.rejected",
        ),
        (
            'extends = "kimi-k3"\n[[facts]]\nabout = ["thinkng"]\nsource = "https://example.org"\ndate = 2026-01-02\n',
            "facts.0.about",
        ),
    ],
)
def test_what_contradicts_itself_is_named(text: str, said: str, tmp_path: Path) -> None:
    """One problem, at its place, with what is allowed."""
    (problem,) = problems(write(tmp_path, text))
    assert problem.name.endswith(f": {said}")
    assert problem.allowed


def test_rejected_values_of_a_user_s_own_stay_readable(tmp_path: Path) -> None:
    """Whoever wants 0.5 refused says so, as before."""
    text = 'extends = "kimi-k2.6"\n[[parameters]]\nname = "temperature"\nvalue = 0.6\nthinking_value = 1.0\n'
    profile = load(write(tmp_path, text + "rejected = [0.5, 1.1]\n"))
    assert profile.parameters[0].rejected == (0.5, 1.1)
    assert not profile.parameters[0].is_open(0.5, thinking=True)
