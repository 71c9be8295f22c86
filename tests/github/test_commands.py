"""Workflow commands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.github.commands import add_masks, command, commands_stopped, inert
from tests.e2e.runner import read_log

HOSTILE = st.lists(
    st.sampled_from(["::error::", "::add-mask::x", "##[group]", "##[error]", "#", ":", "[", " ", "\n", "\r", "\t", "a"])
    | st.text(max_size=3)
).map("".join)


def test_data_is_escaped() -> None:
    """Line ends and percent signs cannot end or change a message."""
    assert command("error", "100%\r\n::x") == "::error::100%25%0D%0A::x"


def test_properties_are_escaped() -> None:
    """A title cannot add a property or end the command."""
    assert command("error", "m", title="a,b::c%\n") == "::error title=a%2Cb%3A%3Ac%25%0A::m"


def test_empty_properties_are_left_out() -> None:
    """A command without a title has no property."""
    assert command("notice", "m", title="") == "::notice::m"


@given(HOSTILE, HOSTILE)
def test_runner_reads_back_what_was_meant(title: str, message: str) -> None:
    """Whatever the texts, the runner sees exactly one command with them in it."""
    message += "."  # the runner trims the line
    log = read_log(command("error", message, title="t" + title).encode(errors="replace"))
    assert [(one.name, one.data.encode(errors="replace")) for one in log.commands] == [
        ("error", message.encode(errors="replace"))
    ]


@given(HOSTILE)
def test_inert_text_is_no_command(text: str) -> None:
    """The runner sees no command in text that was made inert, however it is written."""
    assert read_log(inert(text).encode(errors="replace")).commands == []


@pytest.mark.parametrize("text", ["a::b", "std::vector", "Error: x", "a # [b]", "https://host/v1"])
def test_inert_leaves_ordinary_text(text: str) -> None:
    """Text that is no command stays as it is."""
    assert inert(text) == text


def test_each_line_of_a_secret_is_masked() -> None:
    """The runner masks by line, so each line gets a mask, and the whole."""
    assert add_masks("first-line\n second-line \n") == (
        "::add-mask::first-line%0A second-line",
        "::add-mask::first-line",
        "::add-mask::second-line",
    )


@pytest.mark.parametrize("secret", ["", "  ", "x", "EMPTY"])
def test_placeholders_are_not_masked(secret: str) -> None:
    """A mask for a short word would eat ordinary text and make GitHub drop outputs."""
    assert add_masks(secret) == ()


def test_nothing_is_a_command_while_stopped() -> None:
    """Between the two lines only the token counts."""
    lines = list[str]()
    with commands_stopped(lambda *some: lines.extend(some)):
        lines.extend(["::error::no", "##[warning]no"])
    text = "\n".join([*lines, "::notice::yes"])
    assert [one.name for one in read_log(text.encode()).commands] == ["stop-commands", "notice"]


def test_tokens_differ() -> None:
    """Nobody can guess the next one from the last one."""
    lines = list[str]()
    for _ in range(100):
        with commands_stopped(lambda *some: lines.extend(some)):
            pass
    assert len(set(lines)) == 201  # the empty line, and a line on either side of each
