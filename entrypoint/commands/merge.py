"""`kvv merge`: one report of the shards of a run."""

from collections.abc import Sequence
from pathlib import Path

from entrypoint.compose import exit_code
from entrypoint.console import print_report
from entrypoint.merging import merge
from entrypoint.options import Parser

EPILOG = """examples:
  kvv run ... --shard 1/3 --out shard-1    (and 2/3, 3/3, here or elsewhere)
  kvv merge shard-1 shard-2 shard-3 --out merged
  kvv merge shards --out merged            all shards in the folders below shards

The order does not matter. Shards of different plans and a shard that is there twice are refused. What is missing or was
cut short makes the result inconclusive, and is named; go on with it, then merge again. Shards end nothing early: the
report is that of one run with `--sequential false`. `kvv audit` checks a merged folder like any other. Exit status: as
of `kvv run`."""


def main(argv: Sequence[str]) -> int:
    """Check the shards, write one journal and its reports."""
    parser = Parser(prog="kvv merge", description="Make one report of the shards of a run.", epilog=EPILOG)
    parser.add_argument("dirs", nargs="+", metavar="DIR", help="Folder of a shard, or of folders of shards.")
    parser.add_argument("--out", default="kvv-out", metavar="DIR", help="Folder for the result. Default: kvv-out.")
    parser.add_argument("--fresh", action="store_true", help="Move what is in the folder aside.")
    parser.add_argument(
        "--fail-on", default="inconclusive", choices=("fail", "inconclusive", "never"),
        help="Which verdict has an exit status. Default: inconclusive, and fail.",
    )  # fmt: skip
    values = parser.read(argv)
    report = merge([Path(name) for name in values.dirs], Path(values.out), fresh=values.fresh)
    print_report(report, values.out)
    return exit_code(report, values.fail_on)
