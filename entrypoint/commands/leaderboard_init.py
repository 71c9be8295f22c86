"""`kvv leaderboard init`: write the repository of a new leaderboard, filled in."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from entrypoint.options import Parser
from kvv_action import __version__
from kvv_action.errors import KvvError, Problem, UsageError
from kvv_action.leaderboard import rules
from kvv_action.leaderboard.fields import slug
from kvv_action.settings import OWNER_NAME
from kvv_action.whole_files import write

SCHEMA = "record.schema.json"
REF = re.compile(r"v[0-9][0-9A-Za-z.-]{0,40}|[0-9a-f]{40}", re.ASCII)
OWNERS = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?", re.ASCII)
EPILOG = """example:
  kvv leaderboard init board --repository example/leaderboard \\
      --owners @example/maintainers --vendor "Acme AI=api.acme.example"

Writes README, rules, owners and workflows of a leaderboard, and the JSON Schema of its records, into a new folder.
Commit it, push it, and follow "For maintainers" in its README. Without --vendor nobody can submit yet."""


def main(argv: Sequence[str]) -> int:
    """Write every file of the template with what was given in its place."""
    parser = Parser(prog="kvv leaderboard init", description="Write a new leaderboard's repository.", epilog=EPILOG)
    add = parser.add_argument
    add("path", metavar="DIR", help="Folder to write; it must not hold anything.")
    add("--repository", default="OWNER/NAME", metavar="OWNER/NAME", help="Where it will be on GitHub.")
    add("--owners", default="", metavar="@TEAM", help="Who reviews what decides. Default: the owner of the repository.")
    add(
        "--vendor",
        action="append",
        default=[],
        metavar="NAME=HOST",
        help="A vendor and its endpoints' host; repeatable.",
    )
    add("--kvv-ref", default=f"v{__version__}", metavar="REF", help="Release or commit of kvv-action to trust.")
    values = parser.read(argv)
    owner = values.repository.partition("/")[0]
    owners = values.owners or f"@{owner}"
    _refuse(values.path, values.repository, owners, values.kvv_ref)
    target, vendors = Path(values.path), "".join(map(_vendor, values.vendor))
    source = template()
    for path in sorted(one for one in source.rglob("*") if one.is_file()):
        name, text = path.relative_to(source), path.read_text()
        text = text.replace("OWNER/NAME", values.repository).replace("@example/leaderboard-maintainers", owners)
        text = text.replace("KVV_REF: v1", f"KVV_REF: {values.kvv_ref}")
        text = _with_vendors(text, vendors) if name.name == rules.RULES else text
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        write(target / name, text.encode())
    rules.parse((target / rules.RULES).read_bytes())
    write(target / SCHEMA, (Path(rules.__file__).parent / SCHEMA).read_bytes())
    sys.stdout.write(f"{target}: a leaderboard for {values.repository}; commit it, then see its README\n")
    if owner == "OWNER":
        sys.stdout.write("OWNER/NAME and @OWNER stand for what --repository and --owners did not say\n")
    if not vendors:
        sys.stdout.write("nobody can submit before leaderboard.toml names a vendor\n")
    return 0


def template() -> Path:
    """The folder of the template: of this installation, or of the checkout.

    Raises:
        KvvError: there is none.
    """
    here = Path(__file__).parent.parent
    for folder in (here / "leaderboard_template", here.parent / ".github" / "leaderboard-template"):
        if (folder / rules.RULES).is_file():
            return folder
    raise KvvError("this installation of kvv lacks the template of a leaderboard; install it again")


def _refuse(path: str, repository: str, owners: str, ref: str) -> None:
    problems = [
        Problem(name=name, value=value, allowed=allowed)
        for name, value, form, allowed in (
            ("--repository", repository, OWNER_NAME, "Write OWNER/NAME."),
            ("--owners", owners, OWNERS, "Write @NAME or @ORGANISATION/TEAM."),
            ("--kvv-ref", ref, REF, "Name a release, as v1.2.3, or a commit."),
        )
        if not form.fullmatch(value)
    ]
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(one.name != ".git" for one in target.iterdir())):
        problems.append(Problem(name="DIR", value=path, allowed="It must be a new or an empty folder."))
    if problems:
        raise UsageError(problems)


def _vendor(given: str) -> str:
    """The lines of one vendor in the rules."""
    name, _, host = (part.strip() for part in given.rpartition("="))
    if not slug(name) or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host) or not name.isprintable():
        allowed = 'Write NAME=HOST, as in "Acme AI=api.acme.example".'
        raise UsageError([Problem(name="--vendor", value=given, allowed=allowed)])
    return f'[vendors."{slug(name)}"]\nname = {orjson.dumps(name).decode()}\nhosts = ["{host}"]\n\n'


def _with_vendors(text: str, vendors: str) -> str:
    """The rules with these vendors; the template's own is an example, and becomes a comment."""
    return "\n".join(_exampled(text.splitlines(), vendors)) + "\n"


def _exampled(lines: Sequence[str], vendors: str) -> Iterator[str]:
    example = False
    for line in lines:
        if line.startswith("["):
            example = line.startswith("[vendors.")
            if example:
                yield from vendors.splitlines() or ["[vendors]", ""]
        yield f"# {line}" if example and line and not line.startswith("#") else line
