"""`kvv merge`: one report of the shards of a run."""

from collections.abc import Sequence
from pathlib import Path

from entrypoint.console import print_finished
from entrypoint.options import Parser
from entrypoint.usecases.merge import merge

EPILOG = """examples:
  kvv run ... --shard 1/3 --out shard-1    (and 2/3, 3/3, here or elsewhere)
  kvv merge shard-1 shard-2 shard-3 --out merged
  kvv merge shards --out merged    (all shards in the folders below)

The order does not matter. Shards of different plans are refused, and so is a shard that is given twice. The result is
inconclusive, and says why, where a shard is missing or was cut short: finish that shard, then merge again. Shards never
end early, so the report is that of one run with `--sequential false`. `kvv audit` checks a merged folder like any
other. Exit status: the same as of `kvv run`."""


def main(argv: Sequence[str]) -> int:
    """Check the shards, write one journal and its reports."""
    parser = Parser(prog="kvv merge", description="Make one report of the shards of a run.", epilog=EPILOG)
    parser.add_argument("dirs", nargs="+", metavar="DIR", help="Folder of a shard, or of folders of shards.")
    parser.add_argument("--out", default="kvv-out", metavar="DIR", help="Folder for the result. Default: kvv-out.")
    parser.add_argument("--fresh", action="store_true", help="Move what the folder holds aside first.")
    parser.add_argument(
        "--fail-on", default="inconclusive", choices=("fail", "inconclusive", "never"),
        help="Which verdicts set the exit status. Default: inconclusive and fail.",
    )  # fmt: skip
    values = parser.read(argv)
    done = merge([Path(name) for name in values.dirs], Path(values.out), fresh=values.fresh, fail_on=values.fail_on)
    print_finished(done, values.out)
    return done.status
