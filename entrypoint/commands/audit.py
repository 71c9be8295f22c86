"""`kvv audit`: recompute a run from its journal, without the endpoint."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from entrypoint.options import Parser
from entrypoint.settings import composed, given_again
from entrypoint.usecases.audit import AuditRequest, audit
from kvv_action.options import fact, option_name

EPILOG = """An audit scores every answer again, so it needs the samples. It finds bundled and hub datasets itself; name
local files with --dataset. A bundle is unpacked without trusting anything in it. Exit status: 0 everything agrees,
1 something differs, 3 nothing differs, but the texts were taken out, so the scores cannot be recomputed."""


def main(argv: Sequence[str]) -> int:
    """Audit, and print what was found."""
    parser = Parser(prog="kvv audit", description="Recompute a run from its journal and compare.", epilog=EPILOG)
    parser.add_argument("dir", metavar="DIR|BUNDLE", help="The folder or the archive that kvv wrote.")
    add_what_evidence_lacks(parser.add_argument)
    values = parser.read(argv)
    result = audit(request_of(values, Path(values.dir)))
    for line in result.lines():
        sys.stdout.write(line + "\n")
    return result.status


def add_what_evidence_lacks(add: Callable[..., object]) -> None:
    """The options that name what is needed to score answers again and is not in the evidence."""
    add("--dataset", action="append", default=[], metavar="ID=PATH", help="Where local samples are.")
    add("--dataset-cache", default="", metavar="DIR", help="Folder of cached hub datasets.")
    for name in given_again():
        told = f"{composed().model_fields[name].description} As the run had it."
        metavar = fact(composed().model_fields[name], "metavar")
        add(f"--{option_name(name)}", dest=name, default="", metavar=metavar, help=told)
    add("--profile", default="", metavar="FILE", help="The profile, when it was a file.")
    add("--reference", action="append", default=[], metavar="FILE", help="The reference, when a file.")


def request_of(values: Namespace, source: Path) -> AuditRequest:
    """The audit of this evidence with these options."""
    return AuditRequest(
        source=source,
        dataset=values.dataset,
        dataset_cache=values.dataset_cache,
        profile=values.profile,
        paths={name: getattr(values, name) for name in given_again()},
        reference=values.reference,
    )
