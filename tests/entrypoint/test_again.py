"""The command that asks the same again."""

from collections.abc import Sequence

import pytest

from entrypoint.again import words
from entrypoint.options import Parser, add_settings, given
from entrypoint.settings import load, value_of
from kvv_action.settings import Settings
from tests.report.reports import REPORT

BASE = ("--base-url", "http://a.example/v1", "--model", "m")


def read(texts: Sequence[str]) -> Settings:
    """Settings from the command line."""
    parser = Parser(prog="kvv run")
    add_settings(parser)
    return load(given(parser.read(texts)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--leaderboard-dry-run", "kvv-out"], "true"),
        (["--leaderboard-dry-run", "false", "kvv-out"], "false"),
        (["kvv-out", "--leaderboard-dry-run"], "true"),
        (["--leaderboard-dry-run", "ture", "kvv-out"], "ture"),
    ],
)
def test_an_argument_is_no_value_of_a_yes_or_no_option(words: list[str], told: str) -> None:
    """The folder may stand behind it; a word that is nearly an answer is one, and refused with the right spelling."""
    parser = Parser(prog="kvv leaderboard submit")
    parser.add_argument("source")
    add_settings(parser, only=["leaderboard_dry_run"])
    found = parser.read(words)
    assert (found.source, found.leaderboard_dry_run) == ("kvv-out", told)


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [
        ("extra_body", "--extra-body", '{"a":{"b":1}}'),
        ("judge_extra_body", "--judge-extra-body", '{"temperature":1.0}'),
        ("swebench_limits", "--swebench-limits", "steps=5,tokens=0"),
        ("benchmarks", "--benchmarks", "precheck,toolcall"),
    ],
)
def test_what_was_set_can_be_set_again(name: str, option: str, text: str) -> None:
    """Objects are JSON, lists have commas; what is read back is what was set."""
    first = read([*BASE, option, text])
    found = words(first, REPORT.plan)
    assert option in found
    again = read(found[1:])
    assert value_of(again, name) == value_of(first, name)
