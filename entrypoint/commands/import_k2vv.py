"""`kvv import-k2vv`: a run folder from a result file of K2VV."""

from collections.abc import Sequence
from pathlib import Path

from entrypoint.console import print_finished
from entrypoint.options import Parser
from entrypoint.usecases.import_k2vv import import_k2vv

EPILOG = """examples:
  kvv import-k2vv results.jsonl --reference official/results.jsonl --out imported
  kvv audit imported

Every answer is judged again; the file's own verdict on its validity is ignored."""


def main(argv: Sequence[str]) -> int:
    """Import, and print the result."""
    parser = Parser(prog="kvv import-k2vv", description="Make a run from a result file of K2VV.", epilog=EPILOG)
    parser.add_argument("file", metavar="FILE", help="K2VV's results.jsonl.")
    parser.add_argument(
        "--reference", action="append", default=[], metavar="FILE", help="Result file to compare with; repeatable."
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="Folder for journal and reports.")
    parser.add_argument("--profile", default="", metavar="NAME|FILE", help="Profile. Default: the model's, or none.")
    parser.add_argument("--vendor", default="", metavar="TEXT", help="Name in reports. Default: the file's name.")
    values = parser.read(argv)
    done = import_k2vv(
        Path(values.file), Path(values.out), references=[Path(name) for name in values.reference],
        profile=values.profile, vendor=values.vendor,
    )  # fmt: skip
    print_finished(done, str(done.folder))
    return done.status
