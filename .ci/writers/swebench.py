"""Makes the bundled instances of swebench: `.ci/samples swebench` writes `samples/samples.jsonl`.

Each is a small repository with a bug that somebody could have written, the patch that mends it, and tests. The image is
built where it is needed (`bundled`); the repository's future, with the patch in it, is there on purpose.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from writers import samples

SAMPLES = samples("swebench") / "samples.jsonl"
RUNNER = "python3 /opt/kvv/run_tests.py"
PARSER = "parse_log_pytest"
Files = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One instance: files before, files that the fix and the tests change, and what must pass."""

    name: str
    problem: str
    base: Files
    fix: Files
    tests: Files
    broken: Sequence[str]
    working: Sequence[str]


SHARES = '''"""Divides amounts of money."""


def shares(cents, people):
    """The share of each of `people` in `cents`, a list of whole numbers."""
    if people < 1:
        raise ValueError("somebody must pay")
    each = cents // people
    return [each] * people


def describe(cents):
    """An amount as people write it: 1234 is 12.34."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
'''
SHARES_TESTS = """from ledger.money import describe, shares


def test_even_shares():
    assert shares(900, 3) == [300, 300, 300]


def test_nobody_pays():
    try:
        shares(100, 0)
    except ValueError:
        return
    raise AssertionError("an amount was divided among nobody")


def test_amounts_are_written():
    assert [describe(cents) for cents in (1234, 5, -250)] == ["12.34", "0.05", "-2.50"]
"""
LEDGER = Task(
    name="kvv__ledger-1",
    problem="""shares() loses cents

When an amount cannot be divided evenly, some of it disappears:

    >>> from ledger.money import shares
    >>> shares(1000, 3)
    [333, 333, 333]

The shares must add up to the amount. The first people in the list should pay one cent more, so I expect
`[334, 333, 333]`. The same holds for amounts that are paid back: `shares(-1000, 3)` should be `[-333, -333, -334]`,
with the later ones getting the rest.
""",
    base={
        "README.md": "# ledger\n\nWho owes what to whom. Run the tests with `python3 /opt/kvv/run_tests.py tests`.\n",
        "ledger/__init__.py": '"""Who owes what to whom."""\n',
        "ledger/money.py": SHARES,
        "tests/test_money.py": SHARES_TESTS,
    },
    fix={
        "ledger/money.py": SHARES.replace(
            "    each = cents // people\n    return [each] * people\n",
            "    each, rest = divmod(cents, people)\n    return [each + (number < rest) for number in range(people)]\n",
        )
    },
    tests={
        "tests/test_money.py": SHARES_TESTS
        + """

def test_no_cent_is_lost():
    assert shares(1000, 3) == [334, 333, 333]
    assert shares(2, 3) == [1, 1, 0]


def test_paying_back():
    assert shares(-1000, 3) == [-333, -333, -334]
    assert all(sum(shares(cents, 7)) == cents for cents in range(-50, 50))
"""
    },
    broken=("tests/test_money.py::test_no_cent_is_lost", "tests/test_money.py::test_paying_back"),
    working=(
        "tests/test_money.py::test_even_shares",
        "tests/test_money.py::test_nobody_pays",
        "tests/test_money.py::test_amounts_are_written",
    ),
)

SPANS = '''"""Merges spans of time."""


def merged(spans):
    """Spans (start, end) that overlap or touch, made one; in order of their start."""
    result = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def total(spans):
    """How long the spans are together, overlaps counted once."""
    return sum(end - start for start, end in merged(spans))
'''
SPANS_TESTS = """from agenda.spans import merged, total


def test_apart():
    assert merged([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]


def test_overlapping():
    assert merged([(1, 3), (2, 5)]) == [(1, 5)]


def test_touching():
    assert merged([(1, 2), (2, 3)]) == [(1, 3)]


def test_total():
    assert total([(1, 3), (2, 5), (10, 11)]) == 5
"""
FREE = '''"""Finds free time."""

from agenda.spans import merged


def gaps(spans, day):
    """The spans of a day (start, end) in which nothing is planned."""
    free, at = [], day[0]
    for start, end in merged(spans):
        if start > at:
            free.append((at, start))
        at = end
    if at < day[1]:
        free.append((at, day[1]))
    return free
'''
AGENDA = Task(
    name="kvv__agenda-2",
    problem="""A meeting inside another one shortens the longer one

`merged()` gets nested spans wrong:

    >>> from agenda.spans import merged
    >>> merged([(9, 17), (10, 11)])
    [(9, 11)]

I expect `[(9, 17)]`. Because of that `gaps()` offers time that is taken. While looking at it I also saw that `gaps()`
returns spans outside of the day when a meeting begins before it or ends after it: `gaps([(20, 23)], (8, 18))` should be
`[(8, 18)]` and is not. Both must be right.
""",
    base={
        "README.md": "# agenda\n\nTime that is taken.\n\nTests: `python3 /opt/kvv/run_tests.py tests`\n",
        "agenda/__init__.py": '"""Time that is taken, and time that is not."""\n',
        "agenda/free.py": FREE,
        "agenda/spans.py": SPANS,
        "tests/test_spans.py": SPANS_TESTS,
    },
    fix={
        "agenda/spans.py": SPANS.replace("(result[-1][0], end)", "(result[-1][0], max(result[-1][1], end))"),
        "agenda/free.py": FREE.replace(
            "    for start, end in merged(spans):\n        if start > at:\n            free.append((at, start))\n"
            "        at = end\n",
            "    for start, end in merged(spans):\n        if min(start, day[1]) > at:\n"
            "            free.append((at, min(start, day[1])))\n        at = max(at, end)\n",
        ),
    },
    tests={
        "tests/test_spans.py": SPANS_TESTS
        + """

def test_nested():
    assert merged([(9, 17), (10, 11)]) == [(9, 17)]
    assert total([(9, 17), (10, 11), (12, 13)]) == 8
""",
        "tests/test_free.py": """from agenda.free import gaps


def test_between_meetings():
    assert gaps([(9, 10), (12, 13)], (8, 18)) == [(8, 9), (10, 12), (13, 18)]


def test_around_a_nested_meeting():
    assert gaps([(9, 17), (10, 11)], (8, 18)) == [(8, 9), (17, 18)]


def test_outside_of_the_day():
    assert gaps([(20, 23)], (8, 18)) == [(8, 18)]
    assert gaps([(5, 7), (17, 20)], (8, 18)) == [(8, 17)]
""",
    },
    broken=(
        "tests/test_spans.py::test_nested",
        "tests/test_free.py::test_around_a_nested_meeting",
        "tests/test_free.py::test_outside_of_the_day",
    ),
    working=(
        "tests/test_spans.py::test_apart",
        "tests/test_spans.py::test_overlapping",
        "tests/test_spans.py::test_touching",
        "tests/test_spans.py::test_total",
        "tests/test_free.py::test_between_meetings",
    ),
)

SLUGS = '''"""Names for web addresses."""

import re


def slug(title):
    """A title as part of an address: small letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]", "-", title.lower())


class Register:
    """Gives every title an address of its own."""

    def __init__(self):
        self.taken = {}

    def add(self, title):
        """The address of a new title."""
        name = slug(title)
        self.taken[name] = title
        return name
'''
SLUGS_TESTS = """from pages.slugs import Register, slug


def test_letters_and_digits():
    assert slug("Release 42") == "release-42"


def test_a_register_remembers():
    register = Register()
    register.add("News")
    assert register.taken == {"news": "News"}
"""
PAGES = Task(
    name="kvv__pages-3",
    problem="""Two pages with the same title share an address

The second one replaces the first:

    >>> from pages.slugs import Register
    >>> register = Register()
    >>> register.add("Hello, world!"), register.add("Hello world")
    ('hello--world-', 'hello-world')
    >>> register.add("News"), register.add("News")
    ('news', 'news')

Expected: runs of other characters become one hyphen and none is left at the ends, so both greetings are `hello-world`;
and an address that is taken gets a number, counted from 2: `news`, `news-2`, `news-3`. A title without a single letter
or digit should be called `page`. Please put the counting into a module of its own, `pages/numbers.py`, with a function
`free(name, taken)`; the importer needs it as well.
""",
    base={
        "README.md": "# pages\n\nTests: `python3 /opt/kvv/run_tests.py tests`\n",
        "pages/__init__.py": '"""Pages and their addresses."""\n',
        "pages/slugs.py": SLUGS,
        "tests/test_slugs.py": SLUGS_TESTS,
    },
    fix={
        "pages/numbers.py": '''"""Numbers for names that are taken."""


def free(name, taken):
    """`name`, or `name-2` and so on: the first that is not in `taken`."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return found
''',
        "pages/slugs.py": SLUGS.replace("import re\n", "import re\n\nfrom pages.numbers import free\n")
        .replace(
            '    return re.sub(r"[^a-z0-9]", "-", title.lower())\n',
            '    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "page"\n',
        )
        .replace("        name = slug(title)\n", "        name = free(slug(title), self.taken)\n"),
    },
    tests={
        "tests/test_slugs.py": SLUGS_TESTS
        + """

def test_runs_become_one_hyphen():
    assert slug("Hello, world!") == "hello-world"
    assert slug("??") == "page"


def test_taken_addresses_get_numbers():
    register = Register()
    assert [register.add("News") for _ in range(3)] == ["news", "news-2", "news-3"]


def test_counting_is_a_module():
    from pages.numbers import free

    assert free("a", {"a", "a-2"}) == "a-3"
"""
    },
    broken=(
        "tests/test_slugs.py::test_runs_become_one_hyphen",
        "tests/test_slugs.py::test_taken_addresses_get_numbers",
        "tests/test_slugs.py::test_counting_is_a_module",
    ),
    working=("tests/test_slugs.py::test_letters_and_digits", "tests/test_slugs.py::test_a_register_remembers"),
)

TASKS = (LEDGER, AGENDA, PAGES)


def row(task: Task) -> dict[str, object]:
    """The row of a task, in the columns of the official dataset; `setup` is what its image is made from."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder)
        _git(repository, "init", "-q", "-b", "main")
        base = _commit(repository, task.base)
        fix = _patch(repository, task.fix)
        tests = _patch(repository, task.tests)
    return {
        "instance_id": task.name,
        "repo": task.name.rpartition("-")[0].replace("__", "/"),
        "version": "1.0",
        "base_commit": "HEAD",
        "problem_statement": task.problem,
        "patch": fix,
        "test_patch": tests,
        "FAIL_TO_PASS": list(task.broken),
        "PASS_TO_PASS": list(task.working),
        "image": task.name.replace("__", "-"),
        "log_parser": PARSER,
        "eval_type": "pass_and_fail",
        "eval_script": script(task, tests),
        "setup": {"base.patch": base, "fix.patch": fix},
    }


def script(task: Task, tests: str) -> str:
    """The script that brings the tests up to date and runs them, in the official form."""
    names = " ".join(task.tests)
    old = " ".join(name for name in task.tests if name in task.base)
    lines = (
        "#!/bin/bash", "set -uxo pipefail", "cd /testbed", "git status", f"git checkout HEAD {old}",
        f"git apply -v - <<'EOF_TESTS'\n{tests}EOF_TESTS", ": '>>>>> Start Test Output'", f"{RUNNER} {names}",
        ": '>>>>> End Test Output'", f"git checkout HEAD {old}",
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=kvv", "-c", "user.email=kvv@localhost", "-c", "core.abbrev=12", *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout  # noqa: S603


def _write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _commit(folder: Path, files: Files) -> str:
    """Commit files; the patch that makes them from nothing."""
    _write(folder, files)
    _git(folder, "add", "-A")
    patch = _git(folder, "diff", "--cached")
    _git(folder, "commit", "-q", "-m", "Base")
    return patch


def _patch(folder: Path, files: Files) -> str:
    """The patch that changes these files; the folder is left as it was."""
    _write(folder, files)
    _git(folder, "add", "-A")
    patch = _git(folder, "diff", "--cached")
    _git(folder, "reset", "-q", "--hard")
    return patch


def rows() -> bytes:
    """All rows, as they lie in the file."""
    return b"".join(orjson.dumps(row(task)) + b"\n" for task in TASKS)


if __name__ == "__main__":
    SAMPLES.write_bytes(rows())
