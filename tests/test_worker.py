"""Untrusted work in a process of its own: what it may have, how long it may take, and what becomes of it."""

import ast
import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from benchmarks.swebench import grade_worker
from kvv_action import worker, worker_host
from kvv_action.errors import ScoringError
from kvv_action.scoring import math_worker, schema_worker
from kvv_action.worker import ENVIRONMENT, LONGEST_REPLY, Worker, WorkerBroke, WorkerLate
from tests.processes import environment_of

PROGRAM = """
import os, sys, time


def warm():
    print("this is no answer")


def answer(request):
    match request["do"]:
        case "sleep":
            time.sleep(60)
        case "die":
            os._exit(3)
        case "raise":
            raise ValueError("no")
        case "print":
            print("this is no answer")
        case "write":
            os.write(1, request["text"].encode())
        case "close":
            os.close(1)
            time.sleep(60)
        case "allocate":
            return {"size": len(bytearray(request["size"]))}
        case "long":
            return {"text": "x" * request["size"]}
    return {"process": os.getpid(), "said": request.get("said"), "variables": sorted(os.environ)}
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


@pytest_asyncio.fixture
async def it(program: str) -> AsyncIterator[Worker]:
    found = Worker(program, "the process")
    yield found
    await found.aclose()


async def process_of(it: Worker) -> int:
    return int((await it.ask({"do": "tell"}, deadline=20))["process"])


async def test_one_process_answers_one_after_the_other(it: Worker) -> None:
    """In the order of the requests, each its own."""
    replies = await asyncio.gather(*(it.ask({"do": "tell", "said": n}, deadline=20) for n in range(50)))
    assert [reply["said"] for reply in replies] == list(range(50))
    assert len({reply["process"] for reply in replies}) == 1


async def test_any_text_comes_through(it: Worker) -> None:
    """Line breaks of every kind, and characters that UTF-8 cannot write."""
    for said in ("a\nb\r\n\u2028{}", "\x00\x1b", "𝕏" * 100_000):
        assert (await it.ask({"do": "tell", "said": said}, deadline=20))["said"] == said
    with pytest.raises(WorkerBroke):
        await it.ask({"do": "tell", "said": "\ud800"}, deadline=20)
    assert await process_of(it)


async def test_nothing_of_our_environment_is_there(it: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it begins nor later, whatever Python is told by it."""
    monkeypatch.setenv("KVV_API_KEY", "sk-canary-77aa")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    reply = await it.ask({"do": "tell"}, deadline=20)
    assert environment_of(reply["process"]) == ENVIRONMENT
    assert set(reply["variables"]) - {"LC_CTYPE"} == {*ENVIRONMENT, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}


async def test_what_the_work_prints_is_no_answer(it: Worker) -> None:
    """A library may be talkative."""
    assert (await it.ask({"do": "print", "said": 1}, deadline=20))["said"] == 1


async def test_work_without_end_is_given_up(it: Worker) -> None:
    """And its process with it; the next request gets a new one."""
    first, started = await process_of(it), time.monotonic()
    with pytest.raises(WorkerLate, match=r"the process took more than 0\.3 s"):
        await it.ask({"do": "sleep"}, deadline=0.3)
    assert time.monotonic() - started < 10
    assert await process_of(it) != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"do": "die"}, "ended with status 3"),
        ({"do": "raise"}, "ended with status 1"),
        ({"do": "write", "text": "no JSON\n"}, "something else than an answer"),
        ({"do": "write", "text": "[1]\n"}, "something else than an answer"),
        ({"do": "long", "size": LONGEST_REPLY}, "failed: "),
    ],
)
async def test_a_process_that_breaks_is_told(request_: dict[str, object], message: str, it: Worker) -> None:
    """The next request gets a new one."""
    first = await process_of(it)
    with pytest.raises(WorkerBroke, match=message):
        await it.ask(request_, deadline=20)
    assert await process_of(it) != first


async def test_a_process_that_only_stops_talking_is_not_waited_for(it: Worker) -> None:
    """Its deadline holds also where it has closed its output and lives on."""
    await process_of(it)
    with pytest.raises(WorkerLate):
        await it.ask({"do": "close"}, deadline=0.3)


async def test_a_process_that_died_between_requests_is_replaced(it: Worker) -> None:
    """It did not die of the next one."""
    first = await process_of(it)
    os.kill(first, 9)
    assert it._process is not None
    await it._process.wait()
    assert await process_of(it) != first


async def test_memory_is_bounded(it: Worker) -> None:
    """What takes more ends the work, not the machine."""
    assert (await it.ask({"do": "allocate", "size": 2**20}, deadline=20))["size"] == 2**20
    with pytest.raises(WorkerBroke):
        await it.ask({"do": "allocate", "size": worker_host.MEMORY}, deadline=20)


@pytest.mark.parametrize("after", [0.0, 0.02, 0.3])
async def test_who_is_cancelled_leaves_a_worker_that_works(after: float, it: Worker) -> None:
    """While it starts, and while it works."""
    task = asyncio.create_task(it.ask({"do": "sleep"}, deadline=60))
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await process_of(it)


async def test_nothing_runs_before_it_is_needed_and_after_it_is_closed(program: str) -> None:
    """Closing twice, or what never began, is no error."""
    it = Worker(program, "the process")
    assert it._process is None
    await it.aclose()
    process = await process_of(it)
    await it.aclose()
    await it.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize(
    "text", ["def warm():\n    import no_such_library\n", "import time\n\ndef warm():\n    time.sleep(60)\n", "("]
)
async def test_what_does_not_start_is_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation is no answer to anything."""
    (tmp_path / "program.py").write_text(text)
    monkeypatch.setattr(worker, "START_DEADLINE", 3.0)
    it = Worker(str(tmp_path / "program.py"), "the process")
    with pytest.raises(ScoringError, match="the process did not start within 3 s, or is not installed whole"):
        await it.ask({}, deadline=20)
    assert it._process is None


async def test_where_no_process_can_be_started(it: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says why."""
    monkeypatch.setattr(worker.sys, "executable", "/nonexistent/python")
    with pytest.raises(ScoringError, match=r"the process cannot be started: .*No such file"):
        await it.ask({}, deadline=20)


@pytest.mark.parametrize("module", [worker_host, math_worker, schema_worker, grade_worker])
def test_what_runs_in_the_process_stands_alone(module: object) -> None:
    """It is started in isolated mode, by path, so it may import nothing of ours."""
    tree = ast.parse(Path(str(module.__file__)).read_text())  # type: ignore[attr-defined]
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert not {name.split(".")[0] for name in imported} & {"kvv_action", "benchmarks", "entrypoint", ""}
