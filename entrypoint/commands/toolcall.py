"""`kvv toolcall draw`: a set of requests from tools and histories of one's own."""

import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from entrypoint.options import Parser
from kvv_action.digits import counted
from kvv_action.errors import Problem, UsageError
from kvv_action.report.text import visible
from kvv_action.whole_files import write

EPILOG = """FOLDER has tools/*.json (a tool, or a list of tools, as in a request) and
histories/*.json or *.jsonl (conversations: lists of messages, or objects with
`messages` and the names of their `tools`). A request ends after a message of a
user or a tool. What the assistant did next (call tools, answer in text, or
nothing yet) is drawn in turn, so that each kind is equally frequent while there
is any left. A request offers the tools of its history and some of the others.
The same folder and options give the same file.

examples:
  1. A model's maker draws requests, and asks the official endpoint:
     kvv toolcall draw FOLDER -o requests.jsonl
     kvv run --base-url OFFICIAL --model NAME --benchmarks toolcall \\
       --dataset toolcall=requests.jsonl --reference none --out official
  2. It publishes requests.jsonl and official/k2vv-results.jsonl. Everybody
     else compares with them:
     kvv run --base-url URL --model NAME --benchmarks toolcall \\
       --dataset toolcall=requests.jsonl --reference k2vv-results.jsonl"""


def main(argv: Sequence[str]) -> int:
    """Draw a set of requests."""
    from benchmarks.toolcall.drawing import DrawOrder, draw

    parser = Parser(prog="kvv toolcall", description="Make a set of requests that offer tools.", epilog=EPILOG)
    actions = parser.add_subparsers(dest="action", metavar="draw", required=True, parser_class=Parser)
    told = "Draw requests from a folder of tools and histories."
    drawing = actions.add_parser("draw", help=told, description=told, epilog=EPILOG)
    drawing.formatter_class = parser.formatter_class
    usual = DrawOrder()
    drawing.add_argument("folder", metavar="FOLDER", help="The folder with tools/ and histories/.")
    drawing.add_argument("-o", "--out", dest="file", required=True, metavar="FILE", help="The file to write.")
    drawing.add_argument("--count", type=int, default=usual.count, help=f"Requests at most. Default: {usual.count}.")
    drawing.add_argument(
        "--most-tools", type=int, default=usual.most_tools, help=f"Tools at most. Default: {usual.most_tools}."
    )
    drawing.add_argument("--seed", type=int, default=usual.seed, help=f"Of the draw. Default: {usual.seed}.")
    values = parser.read(argv)
    for name in ("count", "most_tools"):
        if getattr(values, name) < 1:
            option = f"--{name.replace('_', '-')}"
            raise UsageError([Problem(name=option, value=str(getattr(values, name)), allowed="It is at least 1.")])
    order = DrawOrder(count=values.count, most_tools=values.most_tools, seed=values.seed)
    found = draw(Path(values.folder), order)
    write(Path(values.file), b"".join(orjson.dumps(row) + b"\n" for row in found.rows))
    kinds = ", ".join(f"{count} before {kind}" for kind, count in found.turns.items() if count)
    told = f"{values.file}: {counted(len(found.rows), 'request')} ({kinds}) of "
    told += f"{counted(found.histories, 'history', 'histories')}, {counted(found.tools, 'tool')}"
    sys.stdout.write(visible(told, 1000) + "\n")
    return 0
