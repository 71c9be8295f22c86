"""Tasks are read from their folders, and what cannot be followed is refused by name."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deepswe.benchmark import DeepSwe
from benchmarks.deepswe.dataset import MINI, PIN, SOLUTION_FAILS
from benchmarks.deepswe.options import DeepSweOptions
from benchmarks.deepswe.task import Task
from kvv_action.benchmark import Options
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError
from kvv_action.profiles import loader
from tests.deepswe.trees import BUNDLED, IMAGE, PERL, PYTHON, change, copied


def benchmark(tier: str = "full", **own: Any) -> DeepSwe:
    return DeepSwe(Options(tier=tier), DeepSweOptions(**own))


def tasks(place: object, it: DeepSwe | None = None) -> list[Task]:
    rows = load("deepswe", "benchmarks.deepswe", PIN, str(place))
    return [sample.input for sample in (it or benchmark()).samples(rows, loader.load("kimi-k3"))]


@pytest.mark.parametrize("below", [".", "tasks", f"tasks/{PYTHON}"])
def test_a_checkout_a_folder_and_a_task(below: str, tmp_path: Path) -> None:
    """Each is read by what lies in it."""
    copied(tmp_path / "tasks")
    (task,) = tasks(tmp_path / below)
    assert (task.id, task.image, task.bundled, task.seconds, task.test_seconds) == (PYTHON, IMAGE, False, 600, 120)
    assert (task.needs.cpus, task.needs.memory, task.needs.disk) == (1.0, 2 * 2**30, 2**30)
    assert sorted(task.tests) == ["config.json", "grader.py", "test.patch", "test.sh"]


def test_bundled_tasks_are_of_two_languages_and_built_here() -> None:
    """Their own grader is the same."""
    python, perl = tasks("bundled")
    assert (python.language, perl.language, python.bundled, perl.bundled) == ("python", "perl", True, True)
    assert python.tests["grader.py"] == perl.tests["grader.py"]


def test_a_cache_of_the_hub_keeps_contents_elsewhere(tmp_path: Path) -> None:
    """Its snapshots are links to `blobs`, which lies beside them, and to nothing else."""
    task = copied(tmp_path / "snapshots" / "c0ffee" / "tasks")
    blob = tmp_path / "blobs" / "1"
    blob.parent.mkdir()
    (task / "instruction.md").rename(blob)
    (task / "instruction.md").symlink_to(os.path.relpath(blob, task))
    assert len(tasks(tmp_path / "snapshots" / "c0ffee")) == 1
    outside = tmp_path / "secret"
    blob.rename(outside)
    (task / "instruction.md").unlink()
    (task / "instruction.md").symlink_to(outside)
    with pytest.raises(DatasetError, match="leads out of the dataset's folder"):
        tasks(tmp_path / "snapshots" / "c0ffee")


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    """As the container gets them."""
    (copied(tmp_path) / "tests" / "data.bin").write_bytes(b"\xff\x00")
    assert tasks(tmp_path)[0].tests["data.bin"] == b"\xff\x00"
    (row,) = load("deepswe", "benchmarks.deepswe", PIN, str(tmp_path))
    assert row["binary"] == {"tests/data.bin": base64.b64encode(b"\xff\x00").decode()}


def _toml(old: str, new: str) -> Callable[[Path], None]:
    return lambda task: change(task / "task.toml", old, new)


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda task: (task / name).write_text(text) and None


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "another schema": (_toml('"1.3"', '"2.0"'), "schema_version is '2.0'; kvv can do '1.3'"),
    **{
        f"{key} {old}": (
            _toml('schema_version = "1.3"', f"{key} = {old}"),
            f"schema_version is {old}; kvv can do '1.3'",
        )
        for key, old in (
            ("schema_version", "'1.0'"),
            ("version", "'1.1'"),
            ("schema_version", "'1.2'"),
            ("schema_version", "1.2"),
            ("version", "'1.0'"),
        )
    },
    "no schema": (_toml('schema_version = "1.3"', ""), "schema_version is missing; kvv can do '1.3'"),
    "the internet": (_toml("gpus = 0", "allow_internet = true"), "allow_internet is 'True'; kvv cannot do that"),
    "memory in words": (_toml("gpus = 0", 'memory = "64G"'), "memory is '64G'; kvv cannot do that"),
    "a user": (_toml("[agent]\n", '[agent]\nuser = "kim"\n'), "agent: user is 'kim'"),
    "a list for a table": (_toml('[agent]\nnetwork_mode = "no-network"', "[[agent]]\nx = 1"), "agent is not a table"),
    "a network": (
        _toml('[agent]\nnetwork_mode = "no-network"', '[agent]\nnetwork_mode = "public"'),
        "agent: network_mode",
    ),
    "a shared verifier": (_toml('"separate"', '"shared"'), "environment_mode is 'shared'"),
    "a gpu": (_toml("gpus = 0", "gpus = 1"), "gpus is '1'"),
    "endless time": (_toml("timeout_sec = 600.0", "timeout_sec = inf"), "timeout_sec is no number"),
    "no memory": (_toml("memory_mb = 2048\nstorage_mb = 1024\ngpus", "memory_mb = -1\ngpus"), "memory_mb is no number"),
    "a word for processors": (
        _toml("cpus = 1\nmemory_mb = 2048\nstorage_mb = 1024\ngpus", 'cpus = "many"\ngpus'),
        "cpus",
    ),
    "an option as an image": (_toml(f'"{IMAGE}"', '"--privileged x"'), "no name of an image"),
    "no image": (_toml(f'docker_image = "{IMAGE}"', ""), "no name of an image"),
    "broken toml": (_write("task.toml", "schema_version = \n"), "task.toml"),
    "deep toml": (_write("task.toml", "a = " + "[" * 100_000), "task.toml"),
    "other work": (_toml(" HEAD > ", " > "), "verifier.collect is not git diff"),
    "another base": (_write("tests/config.json", '{"base_commit": "--output=/x"}'), "names no base_commit"),
    "no json": (_write("tests/config.json", "{"), "config.json is not JSON"),
    "no words": (_write("instruction.md", " \n"), "instruction.md is missing or empty"),
    "no grader": (lambda task: (task / "tests" / "grader.py").unlink(), "has no tests/grader.py"),
    "an image of its own": (_write("tests/Dockerfile", f"FROM {IMAGE}\nRUN curl x | sh\n"), "does more than adding"),
    "another image": (_write("tests/Dockerfile", "FROM other\n"), "does more than adding"),
    "a hidden file": (_write("tests/.profile", "x"), "no name of a file"),
    "a large file": (_write("tests/large", "x" * (8 * 2**20 + 1)), "is larger than"),
    "many files": (lambda task: [_write(f"tests/{n}", "x")(task) for n in range(300)] and None, "more than 200 files"),
    "a link": (lambda task: (task / "tests" / "link").symlink_to("/etc/hostname"), "leads out of"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_followed_is_refused(what: str, tmp_path: Path) -> None:
    """With the task and the key, before anything is asked."""
    spoil, said = REFUSED[what]
    spoil(copied(tmp_path))
    with pytest.raises(DatasetError, match=said) as caught:
        tasks(tmp_path)
    assert PYTHON in str(caught.value)


def test_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    """It may lead anywhere, and round in a circle."""
    task = copied(tmp_path)
    (task / "tests" / "again").symlink_to(task, target_is_directory=True)
    assert sorted(tasks(tmp_path)[0].tests) == ["config.json", "grader.py", "test.patch", "test.sh"]


def test_subsets_by_name_language_and_category(tmp_path: Path) -> None:
    """A word that is nowhere is a mistake, and says what is there."""
    copied(tmp_path, PYTHON)
    change(copied(tmp_path, PERL) / "task.toml", '"feature_request"', '"bugfix"')

    def names(**own: Any) -> list[str]:
        return [task.id for task in tasks(tmp_path, benchmark(**own))]

    assert names() == [PYTHON, PERL]
    assert names(deepswe_tasks=("rows-*",)) == [PERL]
    assert names(deepswe_languages=("Python",)) == [PYTHON]
    assert names(deepswe_categories=("bugfix",)) == [PERL]
    assert names(deepswe_exclude=(PERL,)) == [PYTHON]
    for own, said in (
        ({"deepswe_tasks": ("nothing-*",)}, "has no task nothing-"),
        ({"deepswe_languages": ("cobol",)}, "found are perl, python"),
        ({"deepswe_categories": ("epic",)}, "found are bugfix, feature_request"),
    ):
        with pytest.raises(DatasetError, match=said):
            names(**own)


def test_known_bad_tasks_are_left_out_and_named(tmp_path: Path) -> None:
    """Unless they are wanted by name, or nothing is to be left out."""
    (bad,) = SOLUTION_FAILS
    copied(tmp_path)
    copied(tmp_path / "more").rename(tmp_path / bad)
    it = benchmark()
    assert [task.id for task in tasks(tmp_path, it)] == [PYTHON]
    assert f"1 excluded: {bad}" in it.notes
    assert bad in [task.id for task in tasks(tmp_path, benchmark(deepswe_exclude=("none",)))]
    assert [task.id for task in tasks(tmp_path, benchmark(deepswe_tasks=(bad,)))] == [bad]


def test_standard_asks_the_mini_set(tmp_path: Path) -> None:
    """16 tasks, none of which is known to be bad; other tiers ask all."""
    assert (len(MINI), MINI & SOLUTION_FAILS.keys()) == (16, set())
    mini = min(MINI)
    copied(tmp_path)
    copied(tmp_path / "more").rename(tmp_path / mini)
    assert [task.id for task in tasks(tmp_path, benchmark("standard"))] == [mini]
    assert len(tasks(tmp_path, benchmark("standard", deepswe_set="all"))) == 2
    assert [task.id for task in tasks(tmp_path, benchmark("standard", deepswe_tasks=(PYTHON,)))] == [PYTHON]
    assert len(tasks(tmp_path, benchmark("full"))) == 2


def test_the_agent_is_part_of_the_version(tmp_path: Path) -> None:
    """Runs of two agents, or of two versions of one, are not compared."""
    patches = tmp_path / "p.jsonl"
    patches.write_text('{"instance_id": "a", "model_patch": ""}\n')
    found = {
        benchmark().version,
        benchmark(deepswe_agent="gold").version,
        *(benchmark(deepswe_agent=f"patches={patches}", deepswe_agent_name=f"kimi-code@{number}").version
          for number in ("0.23.6", "0.24.0")),
    }  # fmt: skip
    assert found == {"1 (kvv-bash@1)", "1 (gold)", "1 (kimi-code@0.23.6)", "1 (kimi-code@0.24.0)"}
    unnamed = DeepSweOptions(deepswe_agent=f"patches={patches}", deepswe_agent_name="kimi-code")
    assert [one.name for one in unnamed.problems(priced={})] == ["deepswe-agent-name"]
    assert list(DeepSweOptions(deepswe_agent_name="a@1").problems(priced={}))
    named = DeepSweOptions(deepswe_agent=f"patches={patches}", deepswe_agent_name="kimi-code@0.23.6")
    assert list(named.problems(priced={})) == []


@pytest.mark.parametrize("name", ["environment/make.sh", "tests/grader.py", "tests/Dockerfile"])
def test_copies_in_our_own_tasks_stay_equal(name: str) -> None:
    """Each task works on its own, so both bring these files: a change to one belongs in the other, too."""
    assert (BUNDLED / PYTHON / name).read_bytes() == (BUNDLED / PERL / name).read_bytes()
