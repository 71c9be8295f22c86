"""Command-line options made from the settings, and messages for the ones that do not exist."""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from typing import Any, NoReturn

from entrypoint.config_file import with_config
from entrypoint.settings import composed, misspelt_variables, title_of
from kvv_action.digits import figure
from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.options import fact
from kvv_action.settings import SECRETS, Settings, choices, option_name

REPEATABLE = ("dataset", "extra_headers", "benchmarks", "reference", "container_mirror")
GROUPS = {
    "endpoint": "endpoint",
    "plan": "what to run",
    "judge": "a model that judges answers",
    "traffic": "traffic",
    "containers": "containers, in which benchmarks work that run code",
    "budget": "budget",
    "output": "output",
    "leaderboard": "leaderboard",
    "workflow": "steps of a workflow",
}
SUBMISSION = tuple(name for name in Settings.model_fields if name.startswith("leaderboard_"))
"""Settings of `kvv leaderboard submit`; the action submits after a run, the command line in a step of its own."""
STEPS = ("command", "shards", "shard_minutes", "max_shards")
"""Settings of the action alone; the command line has commands for what they choose."""
KEY_VARIABLES = {
    "--api-key": "KVV_API_KEY",
    "--key": "KVV_API_KEY",
    "--token": "KVV_API_KEY",
    "--reference-api-key": "KVV_REFERENCE_API_KEY",
    "--judge-api-key": "KVV_JUDGE_API_KEY",
    "--leaderboard-token": "KVV_LEADERBOARD_TOKEN",
}
KEY_ADVICE = "The key is read from KVV_API_KEY only: other users of a machine can see command lines."


MOST_ASKED = (
    "base_url", "model", "profile", "think_mode", "contract", "tier", "benchmarks", "dataset", "reference", "out",
)  # fmt: skip
"""Settings that the short help of a run has."""


_CHOICE = re.compile(r"argument (?P<option>[^:]+): invalid choice: '(?P<word>.*)' \(choose from (?P<known>.*)\)")
"""What argparse says of a word that is none of those in its place."""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are `UsageError`s with the nearest right spelling.

    Where there are very many options, `-h` shows those that matter, `--help` all of them.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, formatter_class=_HelpFormatter, **arguments)
        self.add_argument("--help", action="help", help="Show every option and exit.")
        self.add_argument("-h", action=_ShortHelp, nargs=0, help="Show the options that matter most and exit.")

    def short_help(self) -> str:
        """What `-h` prints."""
        asked = [action for action in self._actions if action.dest in MOST_ASKED]
        if len(asked) < len(MOST_ASKED):
            return self.format_help()
        formatter = self._get_formatter()
        formatter.add_text(f"usage: {self.prog} [OPTION ...]\n\n{self.description}")
        formatter.start_section("options that matter most")
        formatter.add_arguments(asked)
        formatter.end_section()
        shown = "\n\n".join((self.epilog or "").split("\n\n")[:1])
        formatter.add_text(f"{shown}\n\nAll {len(self._actions)} options, by group: {self.prog} --help")
        return formatter.format_help()

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and leaving.

        Raises:
            UsageError: always.
        """
        if found := _CHOICE.fullmatch(message):
            known = [word.strip("'") for word in found["known"].split(", ")]
            allowed, guess = f"Use one of: {', '.join(known)}.", nearest(found["word"], known)
            name = f"{self.prog} {found['option']}" if found["option"].startswith("-") else self.prog
            raise UsageError([Problem(name=name, value=found["word"], allowed=allowed, nearest=guess)])
        raise UsageError([Problem(name=self.prog, value="", allowed=message[:1].upper() + message[1:] + ".")])

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse all of `argv`.

        Raises:
            UsageError: one `Problem` for each argument that does not exist.
        """
        values, unknown = self.parse_known_args(self._apart(argv))
        if unknown:
            known = [option for action in self._actions for option in action.option_strings]
            raise UsageError(
                [_unknown(word, known) for word in unknown if word.startswith("-")]
                or [_extra(unknown[0], known, self._fitting(unknown[0]))]
            )
        return values

    def _fitting(self, word: str) -> str:
        """The option that takes this word, as one writes it; empty where none lists it."""
        taking = (
            one for one in self._actions if one.option_strings and word in str(one.metavar).strip("{}").split(",")
        )
        option = next((one.option_strings[0] for one in taking), "")
        return f"{option} {word}" if option else ""

    def _apart(self, argv: Sequence[str]) -> list[str]:
        """Keep a yes-or-no option from the argument of the command behind it: `--dry-run kvv-out` sets true."""
        if all(action.option_strings for action in self._actions):
            return list(argv)
        alone = {name for action in self._actions if action.const == "true" for name in action.option_strings}
        return [
            f"{word}=true" if word in alone and behind and not _is_answer(behind) else word
            for word, behind in zip_longest(argv, argv[1:], fillvalue="")
        ]


ANSWERS = ("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n")
"""The values of a yes-or-no option."""


def _is_answer(word: str) -> bool:
    """Whether a word behind an option is its value, or another option."""
    return word.startswith("-") or word.lower() in ANSWERS or nearest(word.lower(), ANSWERS) is not None


class _HelpFormatter(argparse.HelpFormatter):
    """Fits texts into the terminal: sentences are wrapped, commands are broken before an option and can be pasted."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = [line for part in _parts(text) for line in _fitted(part, width)]
        return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def _parts(text: str) -> Iterator[str]:
    """Its paragraphs, each as one line; empty lines and indented ones as they are."""
    for as_it_is, lines in groupby(text.splitlines(), lambda line: not line or line.startswith(" ")):
        found = list(lines)
        yield from found if as_it_is else [" ".join(found)]


def _fitted(part: str, width: int) -> Iterator[str]:
    """A part in lines of at most `width` characters; words that are longer stay whole."""
    if part.startswith("  ") and not re.match(r" +\d\. ", part):
        yield from _broken_command(part, width)
        return
    further = "     " if part.startswith(" ") else ""
    found = textwrap.wrap(part, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)
    yield from found or [""]


def _broken_command(command: str, width: int) -> Iterator[str]:
    """A command with a backslash at the end of each line but the last, as a shell reads it."""
    line, *pieces = re.split(r" (?=--?[a-z])", command)
    for piece in pieces:
        if len(line) + len(piece) + 3 > width:
            yield f"{line} \\"
            line = f"      {piece}"
        else:
            line += f" {piece}"
    yield line


class _ShortHelp(argparse.Action):
    """Prints the short help and leaves."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        assert isinstance(parser, Parser)
        sys.stdout.write(parser.short_help())
        parser.exit()


def _unknown(word: str, known: list[str]) -> Problem:
    option = word.split("=")[0]
    if option in KEY_VARIABLES:
        return Problem(name=option, value="", allowed=KEY_ADVICE.replace("KVV_API_KEY", KEY_VARIABLES[option]))
    guess = nearest(option.lstrip("-"), [name.lstrip("-") for name in known])
    allowed = "There is no such option; --help lists them."
    return Problem(name=option, value="", allowed=allowed, nearest=f"--{guess}" if guess else None)


def _extra(word: str, known: Sequence[str], fitting: str) -> Problem:
    told = "This argument is one too many; --help tells what is expected."
    examples = ("--base-url URL",) if "://" in word else ("--benchmarks ID", "--model NAME")
    example = fitting or next((one for one in examples if one.split()[0] in known), "")
    behind = f" A value stands behind its option, as in {example}." if example else ""
    return Problem(name=word[:60], value="", allowed=told + behind)


def add_output(parser: argparse.ArgumentParser) -> None:
    """What a run prints: `--json`, and how much of its progress."""
    parser.add_argument("--json", action="store_true", help="Print report.json in place of the table.")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("-q", "--quiet", action="store_true", help="Print the result only, no progress.")
    some.add_argument("-v", "--verbose", action="store_true", help="Print how every answer was judged.")


def add_faults(parser: argparse.ArgumentParser) -> None:
    """The option with the faults of the embedded vendor."""
    told = "Make the vendor wrong in this way; repeatable."
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=RATE]", help=told)


def add_settings(
    parser: argparse.ArgumentParser, *, without: Sequence[str] = (), only: Sequence[str] | None = None
) -> None:
    """One option per setting, by group; defaults stay with the settings.

    Args:
        parser: gets the options.
        without: settings that are no options there.
        only: the settings that are; by default all but those of a submission and of the action alone.
    """
    fields = composed().model_fields
    shown = [name for name in fields if name not in (*SUBMISSION, *STEPS)] if only is None else only
    if only is None:
        parser.usage = "%(prog)s [OPTION ...]"
    told = "Take settings from this TOML file (`max-connections = 8`) that are given in no other way. No secrets."
    parser.add_argument("--config", metavar="FILE", help=f"{told} Default: what KVV_CONFIG names.")
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    for name, field in fields.items():
        if name in SECRETS or name in without or name not in shown:
            continue
        words = choices(field)
        metavar = fact(field, "metavar") or ("{" + ",".join(words) + "}" if words else _metavar(field.annotation))
        action: dict[str, Any] = {"action": "append"} if name in REPEATABLE else {}
        if field.annotation in (bool, bool | None):
            action = {"nargs": "?", "const": "true"}
        group = fact(field, "group") or title_of(name)
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        groups[group].add_argument(
            f"--{option_name(name)}",
            dest=name,
            metavar=metavar,
            default=argparse.SUPPRESS,
            help=_help(field.description or "", field.default),
            **action,
        )


def _metavar(annotation: Any) -> str:
    if annotation is bool:
        return "true|false"
    text = str(annotation)
    return "N" if "int" in text else "SECONDS" if "float" in text else "TEXT"


def shown_default(default: Any) -> str:
    """A default as people write it; empty where there is none."""
    if default in (None, "", (), {}):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return figure(default)
    return ",".join(default) if isinstance(default, tuple) else str(default)


def _help(description: str, default: Any) -> str:
    shown = shown_default(default)
    unsaid = not shown or "default" in description.lower()
    return (description if unsaid else f"{description} Default: {shown}.").replace("%", "%%")


def given(values: argparse.Namespace) -> dict[str, Any]:
    """The settings among the parsed values, and those of a file; empty means not given, as for inputs and variables.

    Raises:
        UsageError: as for `with_config`.
    """
    options = {name: value for name, value in vars(values).items() if name in composed().model_fields and value != ""}
    return with_config(options, vars(values).get("config"), composed())


def tell_misspelt() -> None:
    """Tell of variables that look like settings and are none, on standard error."""
    for problem in misspelt_variables():
        sys.stderr.write(f"kvv: {problem}\n")


def with_defaults(settings: Settings, defaults: Mapping[str, Any]) -> Settings:
    """A command's own defaults, where no option, input or variable says otherwise."""
    unsaid = {name: value for name, value in defaults.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=unsaid)
