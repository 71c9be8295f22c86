"""One task, from its files: what the model is told, which container it needs, and how its patch is tested."""

import base64
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.coding.attempt import ContainerNeeds
from benchmarks.coding.diff import touched
from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError

WORKDIR = "/app"
"""Where every image has its repository."""
ARTIFACT = "/logs/artifacts/model.patch"
"""What an agent leaves, by the tasks' own words."""
SCHEMA = "1.3"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
IMAGE = re.compile(r"[\w][\w./:@-]{0,299}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{7,64}")
FILE = re.compile(r"(?:[A-Za-z0-9_@+-][\w.@+-]*/)*[A-Za-z0-9_@+-][\w.@+-]*", re.ASCII)
"""Names of files that are put into containers: no part of them begins with a dot."""
MIB = 2**20
DAY = 86_400.0
NEEDED = ("test.sh", "grader.py", "config.json")
"""What decides about a patch, among the files of a task's `tests`."""
DOCKERFILE = re.compile(r"#.*|(ARG|FROM) .*|COPY [\w. -]+ /tests/[\w.-]*|RUN chmod \+x /tests/[\w.-]+|", re.ASCII)
"""Lines of `tests/Dockerfile`: the task's image with these files in `/tests`, which is how they are tested here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A repository with something to be done.

    Attributes:
        image: name of the image that has the repository; of a bundled task, the name that it gets.
        base: commit that the work starts from.
        gold: the patch of the task's own solution.
        tests: files that the verifier's container gets in `/tests`, by name.
        test_files: files of the repository that the tests' own patch touches.
        seconds, test_seconds: how long an agent may work, and the verifier.
        setup: files of a bundled task's image by name; empty when the image is pulled.
    """

    id: str
    language: str
    category: str
    repo: str
    image: str
    instruction: str
    base: str
    gold: str
    tests: Mapping[str, bytes]
    test_files: tuple[str, ...]
    needs: ContainerNeeds
    seconds: float
    test_seconds: float
    setup: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether we build its image."""
        return bool(self.setup)


class TaskTable:
    """A table of `task.toml`, read with bounds; messages name the task and the key.

    Raises (every method):
        DatasetError: the table has a value that kvv cannot use.
    """

    def __init__(self, where: str, table: Mapping[str, Any]) -> None:
        self._where = where
        self._table = table

    def inner(self, name: str) -> "TaskTable":
        """A table in this one; empty where there is none."""
        found = self._table.get(name, {})
        if not isinstance(found, Mapping):
            raise DatasetError(f"{self._where}: {name} is not a table")
        return TaskTable(f"{self._where}: {name}", found)

    def text(self, name: str) -> str:
        """A text; empty where there is none."""
        found = self._table.get(name, "")
        if not isinstance(found, str):
            raise DatasetError(f"{self._where}: {name} is not a text")
        return found

    def number(self, name: str, default: float, most: float) -> float:
        """A number that is more than 0."""
        found = self._table.get(name, default)
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= most:
            raise DatasetError(f"{self._where}: {name} is no number from 0 to {most:g}")
        return float(found)

    def must_be(self, name: str, *allowed: object) -> None:
        """Refuse a value that kvv cannot do; a key that is missing asks for nothing."""
        if name in self._table and self._table[name] not in allowed:
            words = " or ".join(repr(one) for one in allowed)
            raise DatasetError(f"{self._where}: {name} is {str(self._table[name])[:80]!r}; kvv can do {words}")

    def must_follow(self, schema: str) -> None:
        """Refuse a file of another version of the layout; the first ones called the key `version`."""
        found = self._table.get("schema_version", self._table.get("version"))
        if found != schema:
            told = "is missing" if found is None else f"is {repr(found)[:80]}"
            raise DatasetError(f"{self._where}: schema_version {told}; kvv can do {schema!r}")

    def must_lack(self, *names: str) -> None:
        """Refuse keys by which a task asks for something that kvv cannot do; an empty value asks for nothing."""
        for name in names:
            if self._table.get(name):
                raise DatasetError(f"{self._where}: {name} is {str(self._table[name])[:80]!r}; kvv cannot do that")

    def commands(self, name: str) -> list[str]:
        """The commands of a list of tables."""
        found = self._table.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            raise DatasetError(f"{self._where}: {name} is not a list of tables")
        return [str(one.get("command", "")) for one in found]


def name_of(row: Row) -> str:
    """The id of a row's task, for choosing. Raises DatasetError."""
    name = row.get("task")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise DatasetError(f"deepswe: {str(name)[:100]!r} is no name of a task (letters, digits, dots, hyphens)")
    return name


def read(row: Row, *, ours: bool) -> Task:
    """A task from a row as `folders` makes it.

    Args:
        row: the files.
        ours: it is bundled, so that its image is built; others name one.

    Raises:
        DatasetError: something is missing or malformed, or the task asks for something that kvv cannot do.
    """
    name = name_of(row)
    where = f"deepswe: {name}"
    files = _contents(row, where)
    told = _toml(files, where)
    told.must_follow(SCHEMA)
    environment, agent, verifier = (told.inner(part) for part in ("environment", "agent", "verifier"))
    _refuse(environment, agent, verifier)
    metadata = told.inner("metadata")
    base, test_patch = _base(files, where), _words(files, "tests/test.patch", where)
    _collects(verifier.commands("collect"), base, where)
    tests = {path.removeprefix("tests/"): data for path, data in files.items() if path.startswith("tests/")}
    if missing := [file for file in NEEDED if file not in tests]:
        raise DatasetError(f"{where}: has no tests/{missing[0]}")
    image = environment.text("docker_image")
    _same_image(tests.pop("Dockerfile", b""), image, where, ours=ours)
    return Task(
        id=name,
        language=metadata.text("language") or "unknown",
        category=metadata.text("category") or "unknown",
        repo=metadata.text("repository_url"),
        image=f"kvv-deepswe/{name}".lower() if ours else image,
        instruction=_words(files, "instruction.md", where),
        base=base,
        gold=_words(files, "solution/solution.patch", where),
        tests=tests,
        test_files=touched(test_patch),
        needs=_needs(environment, verifier.inner("environment")),
        seconds=agent.number("timeout_sec", 5400.0, DAY),
        test_seconds=verifier.number("timeout_sec", 1800.0, DAY),
        setup=_setup(files) if ours else {},
    )


def _contents(row: Row, where: str) -> dict[str, bytes]:
    """The files of a task; none has a name that leads elsewhere."""
    texts, binary = row.get("files"), row.get("binary") or {}
    if not isinstance(texts, Mapping) or not isinstance(binary, Mapping):
        raise DatasetError(f"{where}: files is not an object of texts by name")
    found = {}
    for name, text in (*texts.items(), *binary.items()):
        if not isinstance(name, str) or not FILE.fullmatch(name) or not isinstance(text, str):
            raise DatasetError(f"{where}: {str(name)[:100]!r} is no name of a file")
        try:
            found[name] = base64.b64decode(text, validate=True) if name in binary else text.encode()
        except ValueError as error:
            raise DatasetError(f"{where}: {name} cannot be read ({error})") from error
    return found


def _words(files: Mapping[str, bytes], name: str, where: str) -> str:
    text = files.get(name, b"").decode("utf-8", "replace")
    if not text.strip():
        raise DatasetError(f"{where}: {name} is missing or empty")
    return text


def _toml(files: Mapping[str, bytes], where: str) -> TaskTable:
    try:
        return TaskTable(f"{where}: task.toml", tomllib.loads(_words(files, "task.toml", where)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DatasetError(f"{where}: task.toml: {str(error)[:200]}") from error


def _refuse(environment: TaskTable, agent: TaskTable, verifier: TaskTable) -> None:
    """Refuse tasks that need what their containers do not get here."""
    agent.must_be("network_mode", "no-network")
    verifier.must_be("network_mode", "no-network")
    verifier.must_be("environment_mode", "separate")
    verifier.must_be("env", {})
    environment.must_be("os", "linux")
    environment.must_be("gpus", 0)
    environment.must_be("mcp_servers", [])
    environment.must_be("env", {})
    environment.must_be("network_mode", "no-network")
    environment.must_lack(
        "allow_internet", "allowed_hosts", "gpu_types", "healthcheck", "memory", "skills_dir", "storage"
    )
    agent.must_lack("allowed_hosts", "user")
    verifier.must_lack("allowed_hosts", "user")


def _base(files: Mapping[str, bytes], where: str) -> str:
    """The commit that the grader applies patches to, and against which work is collected."""
    try:
        config = orjson.loads(files.get("tests/config.json", b""))
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{where}: tests/config.json is not JSON ({error})") from error
    base = config.get("base_commit") if isinstance(config, dict) else None
    if not isinstance(base, str) or not COMMIT.fullmatch(base):
        raise DatasetError(f"{where}: tests/config.json names no base_commit")
    return base


def _collects(commands: list[str], base: str, where: str) -> None:
    """Refuse a task that does not count commits against its base."""
    if not any(base in one and " HEAD" in one and ARTIFACT in one for one in commands):
        raise DatasetError(f"{where}: task.toml: verifier.collect is not git diff {base[:12]} HEAD > {ARTIFACT}")


def _same_image(dockerfile: bytes, image: str, where: str, *, ours: bool) -> None:
    """Refuse a task whose verifier needs more than the task's image and the files of `tests`."""
    lines = dockerfile.decode("utf-8", "replace").splitlines()
    strange = [line for line in lines if not DOCKERFILE.fullmatch(line.rstrip())]
    if not ours:
        if not IMAGE.fullmatch(image):
            raise DatasetError(f"{where}: task.toml: environment.docker_image is no name of an image")
        strange += [line for line in lines if line.startswith(("ARG ", "FROM ")) and line.split() != ["FROM", image]]
    if strange:
        raise DatasetError(f"{where}: tests/Dockerfile does more than adding files to the image: {strange[0][:100]!r}")


def _needs(*environments: TaskTable) -> ContainerNeeds:
    """What the agent's container and the verifier's need; both get the larger of the two."""
    return ContainerNeeds(
        cpus=max(one.number("cpus", 2, 1024) for one in environments),
        memory=max(int(one.number("memory_mb", 8192, 2**22)) for one in environments) * MIB,
        disk=max(int(one.number("storage_mb", 20480, 2**26)) for one in environments) * MIB,
    )


def _setup(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What a bundled task's image is built from: its `environment`, and the solution, which lies in its future."""
    found = {name.removeprefix("environment/"): data for name, data in files.items() if name.startswith("environment/")}
    return {**found, "solution.patch": files["solution/solution.patch"]}
