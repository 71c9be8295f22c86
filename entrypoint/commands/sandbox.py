"""`kvv sandbox`: the container engine, and what runs have left on it."""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from entrypoint.options import Parser
from kvv_action.digits import counted, figure
from kvv_action.errors import Problem, UsageError
from kvv_action.report.text import one_line, visible
from kvv_action.sandbox.engine import NoEngine, open_engine
from kvv_action.sandbox.limits import capacity_of
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.sandbox.reaper import ContainerSelection, LeftoverContainer, leftovers, reap

if TYPE_CHECKING:
    import argparse

GIB = 2**30
OPEN = "io_uring is open to containers: Docker 25 and later close it"
EPILOG = """actions:
  check   show the engine that benchmarks use, and what it lacks
  list    list the containers that kvv started and that are still there
  reap    remove them; by default only those whose time is over

examples:
  kvv sandbox check
  kvv sandbox list
  kvv sandbox reap
  kvv sandbox reap --run local-0123456789abcdef --dry-run

A run removes its own containers, even if it is interrupted. The next run removes what a crash left behind. Other
containers are never touched: they have no label kvv.run. The engine is the one that DOCKER_HOST or your docker context
names. Exit status: 0 done, 1 there is no engine, or something could not be removed."""


def main(argv: Sequence[str]) -> int:
    """One action on the engine."""
    parser = Parser(prog="kvv sandbox", description="Check the container engine, and clean up.", epilog=EPILOG)
    parser.add_argument("action", choices=("check", "list", "reap"), metavar="check|list|reap")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--run", default="", metavar="LABEL", help="Only those of this run (`kvv sandbox list` shows its label)."
    )
    which.add_argument("--all", action="store_true", help="All containers that kvv started, even those in use.")
    parser.add_argument("--dry-run", action="store_true", help="Only say what would be removed.")
    values = parser.read(argv)
    try:
        return {"check": _check, "list": _list, "reap": _reap}[values.action](values)
    except NoEngine as error:
        sys.stdout.write(f"{one_line(str(error), 1000)}\n")
        return 1


def _check(values: "argparse.Namespace") -> int:
    _unused(values, "run", "all", "dry_run")
    engine = asyncio.run(open_engine())
    info, options = engine.info, SandboxOptions(run="")
    engine.close()
    containers = capacity_of(options.limits, 0, info).containers
    cpus = counted(info.cpus, "processor")
    lines = (
        f"engine      {info.product} {info.version} at {info.host}" + (", rootless" if info.rootless else ""),
        f"seccomp     profile {info.seccomp}" + (f"; {OPEN}" if info.io_uring else ""),
        f"platform    {info.os}/{info.architecture}, {cpus}, {info.memory / GIB:.1f} GiB of memory",
        f"storage     {info.driver}",
        f"containers  {containers} at a time with the default limits ({figure(options.limits.memory / GIB)} GiB each)",
        "it has everything that is needed",
    )
    sys.stdout.write("".join(f"{visible(line, 300)}\n" for line in lines))
    return 0


def _list(values: "argparse.Namespace") -> int:
    _unused(values, "dry_run")
    found = leftovers(ContainerSelection(run=values.run, all=not values.run))
    sys.stdout.write("".join(f"{_line(one)}\n" for one in found) or "no containers of kvv\n")
    return 0


def _reap(values: "argparse.Namespace") -> int:
    which = ContainerSelection(run=values.run, all=values.all, expired=not (values.run or values.all))
    if values.dry_run:
        found = leftovers(which)
        sys.stdout.write("".join(f"would remove {_line(one)}\n" for one in found) or "nothing to remove\n")
        return 0
    reaped = reap(which)
    lines = [*(f"removed {name}" for name in reaped.removed), *(f"not removed: {text}" for text in reaped.failed)]
    sys.stdout.write("".join(f"{one_line(line, 400)}\n" for line in lines) or "nothing to remove\n")
    return 1 if reaped.failed else 0


def _line(one: LeftoverContainer) -> str:
    left_over = None if one.expires is None else one.expires - time.time()
    time_left = "no time" if left_over is None else f"{left_over / 60:.0f} min left" if left_over > 0 else "expired"
    what = f"{one.role} of {one.instance}" if one.instance else "?"
    parts = (one.name, f"{one.state}, {time_left}", what, f"run {one.run}")
    return "  ".join(one_line(part, 200) for part in parts)


def _unused(values: "argparse.Namespace", *names: str) -> None:
    """Refuse options that an action does not know.

    Raises:
        UsageError: one was given.
    """
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(values, name)]
    if given:
        raise UsageError(
            [Problem(name=given[0], value="", allowed=f"It is not an option of `kvv sandbox {values.action}`.")]
        )
