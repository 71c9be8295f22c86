"""`kvv audit`: recompute a run from its journal, without the endpoint."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.options import Parser
from entrypoint.settings import composed, given_again
from entrypoint.usecases.audit import AuditRequest, AuditResult, audit
from kvv_action.options import fact, option_name

EPILOG = """An audit scores every answer again, so it needs the samples. It finds bundled and hub datasets itself; name
local files with --dataset. A bundle is unpacked without trusting anything in it. Exit status: 0 everything agrees,
1 something differs, 3 nothing differs, but the texts were taken out, so the scores cannot be recomputed."""


def main(argv: Sequence[str]) -> int:
    """Audit, and print what was found."""
    result = audited(argv)
    for line in result.lines():
        sys.stdout.write(line + "\n")
    return result.status


def audited(argv: Sequence[str]) -> AuditResult:
    """The audit that a command line asks for; raises what `audit` raises."""
    parser = Parser(prog="kvv audit", description="Recompute a run from its journal and compare.", epilog=EPILOG)
    parser.add_argument("dir", metavar="DIR|BUNDLE", help="The folder or the archive that kvv wrote.")
    parser.add_argument("--dataset", action="append", default=[], metavar="ID=PATH", help="Where local samples are.")
    parser.add_argument("--dataset-cache", default="", metavar="DIR", help="Folder of cached hub datasets.")
    for name in given_again():
        told = f"As the run had it: {composed().model_fields[name].description}"
        metavar = fact(composed().model_fields[name], "metavar")
        parser.add_argument(f"--{option_name(name)}", dest=name, default="", metavar=metavar, help=told)
    parser.add_argument("--profile", default="", metavar="FILE", help="The profile, when it was a file.")
    parser.add_argument("--reference", action="append", default=[], metavar="FILE", help="The reference, when a file.")
    values = vars(parser.read(argv))
    paths = {name: values.pop(name) for name in given_again()}
    return audit(AuditRequest(source=Path(values.pop("dir")), paths=paths, **values))
