"""Writes workflow commands for the runner, and makes untrusted text harmless to it.

The rules are those of `ActionCommand.cs` in github.com/actions/runner: `::name key=value::data` counts at the start
of a line, white space aside; the old `##[name key=value;]data` counts anywhere. Lines end with CR, LF or both.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kvv_action.redact import is_placeholder

_START = re.compile(r"(?P<margin>(?:\A|[\r\n])\s*):(?=:)")


def escape_data(text: str) -> str:
    """Escape the text after the second `::`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Escape the value of a property such as `title`."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def command(name: str, data: str = "", **properties: str) -> str:
    """One workflow command without a newline; empty properties are left out."""
    listed = ",".join(f"{key}={escape_property(value)}" for key, value in properties.items() if value)
    return f"::{name}{' ' if listed else ''}{listed}::{escape_data(data)}"


def add_masks(secret: str) -> tuple[str, ...]:
    """Commands that make the runner mask a secret as a whole, and each of its lines.

    Placeholders are not masked, as in reports: they look like ordinary text, so masking them would damage the log, and
    the runner drops outputs that contain a masked word.
    """
    parts = dict.fromkeys(part.strip() for part in (secret, *secret.splitlines()))
    return tuple(command("add-mask", part) for part in parts if not is_placeholder(part))


@contextmanager
def commands_stopped(write: Callable[..., None]) -> Iterator[None]:
    """Make the runner ignore all commands meanwhile; `write` writes lines to its log."""
    token = secrets.token_hex(16)  # unguessable: whoever knows it can resume commands
    try:  # from here on, whatever happens, commands are resumed
        write(command("stop-commands", token))
        yield
    finally:
        write("", command(token))  # the empty line ends one that was left open


def inert(text: str) -> str:
    """Untrusted text in which the runner sees no command: `##[` becomes `## [`, a leading `::` becomes `: :`."""
    return _START.sub(r"\g<margin>: ", text).replace("##[", "## [")
