"""The inside of a worker process: `ready`, then one JSON answer on stdout for each JSON request, a line each.

Run by path as `python -I worker_host.py PROGRAM`: it imports nothing of this project. A program has `answer(request)`
and `warm()`, which imports what the answers need: a broken installation is then found before the first request.
"""

import contextlib
import gc
import json
import os
import resource
import runpy
import sys

MEMORY = 4 * 2**30
"""Bytes of address space."""


def main() -> None:
    """Answer until stdin closes."""
    with contextlib.suppress(ValueError, OSError):  # not every system knows this limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # a thread for each processor takes address space
    program = runpy.run_path(sys.argv[1], run_name="__main__")
    out, sys.stdout = sys.stdout.buffer, sys.stderr  # what the work prints is no answer
    gc.disable()  # libraries stay: looking for cycles among them takes a fifth of the time to import them
    program["warm"]()
    gc.freeze()
    gc.enable()
    out.write(b"ready\n")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(json.dumps(program["answer"](json.loads(line))).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
