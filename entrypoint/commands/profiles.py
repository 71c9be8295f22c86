"""`kvv profiles`: what is known about each model; `new`, `diff` and `check` make and compare profiles."""

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from benchmarks import registry
from entrypoint.options import Parser, add_settings, given
from kvv_action.digits import counted
from kvv_action.errors import EndpointError, Problem, RunStopped, UsageError
from kvv_action.profiles import loader
from kvv_action.profiles.model import Profile
from kvv_action.redact import Redactor
from kvv_action.report.text import visible
from kvv_action.whole_files import write

if TYPE_CHECKING:
    from entrypoint.profile_guesses import OwnNames
    from entrypoint.profile_observed import ObservedModel
    from kvv_action.settings import Settings

INCONCLUSIVE = 3
TOLD_EVERY = 10.0
"""Seconds between two lines about progress, at least."""
EPILOG = """A profile of your own is a TOML file: `extends = "NAME"` and what differs.
Use it with --profile FILE. docs/profiles.md explains every key.

actions (each has its own --help):
  new    asks an endpoint and writes a profile of what it does
  diff   names the keys on which two profiles differ
  check  checks a profile, and compares an endpoint with it

examples:
  kvv profiles kimi-k3
  kvv profiles new --base-url URL --model NAME -o FILE
  kvv profiles diff A B
  kvv profiles check FILE --base-url URL"""
OPTIONS = (
    "base_url", "model", "extra_body", "extra_headers", "max_requests", "retry_attempts", "retry_max_seconds",
    "connect_timeout", "first_token_timeout", "silence_timeout", "total_timeout", "max_response_bytes",
    "stop_after_failures",
)  # fmt: skip
HINTS = (
    "The model's chat template or tokenizer_config.json, or words: names of fields and control tokens. They are tried "
    "beside those that kvv knows."
)
NEW = """examples:
  kvv profiles new --base-url https://api.example.com/v1 --model NAME -o FILE
  kvv run --base-url URL --model NAME --profile FILE

The key comes from KVV_API_KEY. Ask an endpoint that you trust: the model
maker's own. The file says what that endpoint did, and on which day. A fact
that could not be observed is left out. About 100 requests are sent, most of
them for at most 16 tokens; --max-requests sends fewer.

exit status: 0 written, 2 something must be set differently, 3 the endpoint
cannot be asked"""
DIFF = """Names each key that differs, with both values.

exit status: 0 they are equal, 1 they differ, 2 a profile cannot be read"""
CHECK = """Without --base-url it checks only the file. With it, it also asks the endpoint,
like `kvv profiles new`, and names each key that the endpoint contradicts.

exit status: 0 nothing differs, 1 the endpoint differs from the profile, 2 the
profile is wrong or something must be set differently, 3 the endpoint cannot be
asked"""


def main(argv: Sequence[str]) -> int:
    """List all profiles, show one, or do one of the actions."""
    actions = {"new": _new, "diff": _diff, "check": _check}
    if argv and argv[0] in actions:
        return actions[argv[0]](argv[1:])
    return _shown(argv)


def _shown(argv: Sequence[str]) -> int:
    parser = Parser(prog="kvv profiles", description="List the model profiles, or show one.", epilog=EPILOG)
    parser.add_argument("name", nargs="?", metavar="NAME|FILE")
    parser.add_argument("--json", action="store_true", help="Show all of it as JSON.")
    values = parser.read(argv)
    profiles = [loader.load(name) for name in ([values.name] if values.name else loader.names())]
    if values.json:
        form = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS  # some keys are of an Enum
        sys.stdout.buffer.write(orjson.dumps(profiles, option=form))
        return 0
    for line in _lines_of(profiles[0]) if values.name else map(_line, profiles):
        sys.stdout.write(visible(line, 1000) + "\n")
    return 0


def _lines_of(profile: Profile) -> Iterator[str]:
    from entrypoint.profile_text import shown

    return shown(profile)


def _line(profile: Profile) -> str:
    known = registry.ids()
    return f"{profile.name:<18} {profile.title:<18} {', '.join(name for name in profile.benchmarks if name in known)}"


def _new(argv: Sequence[str]) -> int:
    from entrypoint.prepare import required, secrets_of
    from entrypoint.settings import load
    from entrypoint.usecases.profiles import written

    parser = Parser(prog="kvv profiles new", description="Write a profile of what an endpoint does.", epilog=NEW)
    parser.add_argument("-o", "--out", dest="file", metavar="FILE", help="The file to write. Default: print it.")
    parser.add_argument("--hints", metavar="FILE", help=HINTS)
    add_settings(parser, only=OPTIONS)
    values = parser.read(argv)
    settings = load(given(values))
    if problems := [*required(settings), *_taken(values.file)]:
        raise UsageError(problems)
    redactor = Redactor(secrets_of(settings))
    seen = _observed(settings, redactor, _hinted(values.hints))
    if seen is None:
        return INCONCLUSIVE
    text = written(seen, settings, redactor)
    if not values.file:
        sys.stdout.write(text)
        return 0
    write(Path(values.file), text.encode())
    told = (
        f"Wrote {values.file} after {counted(seen.requests, 'request')}. Read it, and compare it with what the maker "
        f"publishes. Then: kvv profiles check {shlex.quote(values.file)}"
    )
    for line in (*seen.notes, told):
        _say(line, redactor)
    return 0


def _hinted(file: str | None) -> "OwnNames":
    """The names that the file of hints gives.

    Raises:
        UsageError: it cannot be read, or gives none.
    """
    from entrypoint.profile_guesses import OwnNames, names_in

    found = names_in(_hints(file))
    if file and found == OwnNames():
        allowed = "It names nothing to try: give a chat template, its tokenizer_config.json, or words."
        raise UsageError([Problem(name="--hints", value=file, allowed=allowed)])
    return found


def _hints(file: str | None) -> str:
    """The text of the file of hints; empty without one."""
    try:
        return Path(file).read_text() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError([Problem(name="--hints", value=str(file), allowed=f"It cannot be read: {why}.")]) from error


def _taken(file: str | None) -> Iterator[Problem]:
    if file and Path(file).exists():
        yield Problem(name="--out", value=file, allowed="The file exists. Remove it, or name another one.")
    elif file and not Path(file).absolute().parent.is_dir():
        yield Problem(name="--out", value=file, allowed="The folder of the file does not exist.")


def _observed(settings: "Settings", redactor: Redactor, own: "OwnNames") -> "ObservedModel | None":
    """What was seen; None if the endpoint cannot be asked, after saying why."""
    from entrypoint.usecases.profiles import most_requests, observe

    most = most_requests(settings)
    host = urlsplit(settings.base_url).hostname or settings.base_url
    told = f"Sends up to {counted(most, 'request')} to {host}, about 40,000 tokens in all. All texts are kvv's own."
    sys.stderr.write(visible(redactor.text(told), 400) + "\n")
    try:
        seen = observe(settings, redactor, own, _progress())
    except (EndpointError, RunStopped) as failure:
        _say(f"The endpoint cannot be asked: {failure}", redactor)
        return None
    if seen.thinks is None:
        for note in seen.notes:
            _say(note, redactor)
        return None
    return seen


def _progress() -> Callable[[], None]:
    """Says now and then how many requests were answered: a small server may need minutes for one."""
    answered, told = 0, time.monotonic()

    def asked() -> None:
        nonlocal answered, told
        answered += 1
        if time.monotonic() - told >= TOLD_EVERY:
            told = time.monotonic()
            sys.stderr.write(f"{counted(answered, 'request')} answered.\n")

    return asked


def _diff(argv: Sequence[str]) -> int:
    from entrypoint.profile_file import differences

    parser = Parser(prog="kvv profiles diff", description="Show what differs between two profiles.", epilog=DIFF)
    parser.add_argument("first", metavar="A", help="Name of a shipped profile, or a TOML file.")
    parser.add_argument("second", metavar="B", help="The same.")
    values = parser.read(argv)
    found = differences(loader.load(values.first), loader.load(values.second))
    return _told(found, f"in {values.first}", f"in {values.second}")


def _told(found: Iterator[tuple[str, str, str]], first: str, second: str) -> int:
    """Print a line for each key that differs, and return the exit status: 1 if there is one."""
    differ = 0
    for key, left, right in found:
        differ = 1
        line = f"{key}: {left or 'nothing'} {first}, {right or 'nothing'} {second}"
        sys.stdout.write(visible(line, 4000) + "\n")
    return differ


def _check(argv: Sequence[str]) -> int:
    from entrypoint.prepare import required, secrets_of
    from entrypoint.profile_file import contradicted, formless
    from entrypoint.profile_guesses import names_of
    from entrypoint.settings import load
    from entrypoint.usecases.profiles import parsed, written

    told = "Check a profile, and compare an endpoint with it."
    parser = Parser(prog="kvv profiles check", description=told, epilog=CHECK)
    parser.add_argument("name", metavar="NAME|FILE", help="Name of a shipped profile, or a TOML file.")
    add_settings(parser, only=OPTIONS)
    values = parser.read(argv)
    profile = loader.load(values.name)
    sys.stdout.write(visible(f"{values.name} is a valid profile of {profile.model}.", 400) + "\n")
    settings = load({"model": profile.model, **given(values)})
    if not settings.base_url:
        return 0
    if problems := list(required(settings)):
        raise UsageError(problems)
    redactor = Redactor(secrets_of(settings))
    seen = _observed(settings, redactor, names_of(profile))
    if seen is None:
        return INCONCLUSIVE
    found = parsed(written(seen, settings, redactor))
    differences = chain(contradicted(profile, found), formless(profile, seen))
    differ = _told(differences, f"in {values.name}", "at the endpoint")
    for note in seen.notes:
        _say(note, redactor)
    if not differ:
        _say(f"The endpoint agrees with the profile, as far as {counted(seen.requests, 'request')} can show.", redactor)
    return differ


def _say(line: str, redactor: Redactor) -> None:
    sys.stdout.write(visible(redactor.text(line), 2000) + "\n")
