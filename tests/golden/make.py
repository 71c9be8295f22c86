"""Makes the golden set: runs of the real commands against the embedded vendor, and what the commands say of them.

    KVV_BASE_IMAGE=IMAGE python -m tests.golden.make      with a Docker Engine; IMAGE has python3, patch and git

The set is frozen per version of the schema. It is made once, when the schema gets a new number, into a folder of its
own; it is never made again so that a test passes, and a folder that exists is refused. `tests/golden/README.md` says
what each run shows.
"""

import contextlib
import os
import platform
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import orjson

import kvv_action.profiles
from tests.golden.store import (
    BUNDLE,
    BUNDLES,
    EXPECTED,
    PAIRS,
    PROFILES,
    RECORD,
    RUNS,
    SCHEMA,
    SETTLED,
    as_json,
    audited,
    keep,
    packed,
    say,
    submitted,
)  # fmt: skip
from tests.pipeline.command import kvv, problems, size, vendor

Recipe = Callable[[Path], None]
ALL = "precheck,ocrbench,mmmu_pro,aime2025,toolcall,swebench"
BUILT_IN = Path(kvv_action.profiles.__file__).parent
RECIPES: dict[str, Recipe] = {}
COMPARED = {
    "worse": ("before", "after"),
    "better": ("after", "before"),
    "same": ("before", "before"),
    "many-samples": ("official", "against-official"),
    "failures": ("all-delivered", "delivery-faults"),
    "varied": ("holdout-both", "holdout-both"),
}


def recipe(function: Recipe) -> Recipe:
    """Register a run under the name of its function."""
    RECIPES[function.__name__.replace("_", "-")] = function
    return function


def demo(out: Path, *arguments: object) -> None:
    """A demonstration with quick retries; any verdict will do, a refusal will not."""
    _run("demo", "--out", out, "--retry-base", "0.01", *arguments)


def _run(*arguments: object) -> None:
    ran = kvv(*arguments)
    assert ran.status in (0, 1, 3, 130), ran.err


@recipe
def all_right(out: Path) -> None:
    """All six benchmarks, everything right."""
    demo(out, "--benchmarks", ALL, "--container-images", "keep")


@recipe
def content_faults(out: Path) -> None:
    """All six benchmarks by a vendor that thinks wrongly, keeps its thinking to itself and leaves arguments out."""
    faults = ("wrong-answers=0.3", "drops-reasoning", "extra-properties=0.3", "wrong-patch", "overcounts-prompt-tokens")
    demo(out, "--benchmarks", ALL, "--container-images", "keep", "--precheck", "warn", "--limit", 10,
         "--swebench-limits", "steps=12,command=20", *_faults(*faults))  # fmt: skip


@recipe
def all_delivered(out: Path) -> None:
    """Everything right, but for SWE-bench, which is not asked."""
    _delivered(out)


@recipe
def delivery_faults(out: Path) -> None:
    """Answers that are cut off, refused or lost, some of them for good."""
    faults = ("truncates-stream=0.2", "disconnects=0.1", "rate-limits=0.1", "server-errors=0.1", "invalid-json=0.05")
    _delivered(out, *_faults(*faults))


def _delivered(out: Path, *arguments: object) -> None:
    demo(out, "--benchmarks", "precheck,ocrbench,mmmu_pro,aime2025,toolcall", "--precheck", "warn", "--limit", 10,
         "--retry-attempts", 2, *arguments)  # fmt: skip


@recipe
def gate_closed(out: Path) -> None:
    """Pre-Verification fails, so nothing else is asked."""
    demo(out, "--benchmarks", "precheck,aime2025,toolcall", *_faults("accepts-any-parameter"))


@recipe
def holdout_both(out: Path) -> None:
    """Published and varied items, by a vendor that recognises the published ones; the gap is clear but for AIME's."""
    demo(
        out, "--benchmarks", "ocrbench,mmmu_pro,aime2025", "--precheck", "off", "--holdout", "both",
        "--limit", 14, "--seed", 3, *_faults("recognises-benchmark"),
    )  # fmt: skip


@recipe
def holdout_vary(out: Path) -> None:
    """Varied items instead of the published ones, by the same vendor."""
    demo(
        out, "--benchmarks", "aime2025,toolcall", "--precheck", "off", "--holdout", "vary", "--limit", 6,
        *_faults("recognises-benchmark"),
    )  # fmt: skip


@recipe
def other_choices(out: Path) -> None:
    """Another profile with levels of effort, and other choices of the benchmarks than the default ones."""
    demo(out, "--profile", "kimi-k3", "--benchmarks", "precheck,ocrbench,mmmu_pro,toolcall", "--limit", 6,
         "--precheck", "warn", "--effort", "high", "--mmmu-prompt", "direct", "--image-placement", "interleaved",
         "--image-encoding", "jpeg", "--contract", "compatible", "--epochs", 2,
         "--extra-headers", "X-Example: 1", "--extra-body", '{"user": "example"}')  # fmt: skip


@recipe
def self_test(out: Path) -> None:
    """SWE-bench with its own patches: no endpoint is asked."""
    _run("run", "--out", out, "--profile", "kimi-k2.6", "--vendor", "example", "--benchmarks", "swebench",
         "--dataset", "swebench=bundled", "--swebench-agent", "gold", "--container-images", "keep",
         "--precheck", "off")  # fmt: skip


@recipe
def early_end(out: Path) -> None:
    """A benchmark that ends as soon as its verdict is clear."""
    dataset = problems(_beside(out, "sums.jsonl"), 200)
    known = ("--profile", "kimi-k2.5", "--dataset", f"aime2025={dataset}")
    with vendor(*known, *_faults("wrong-answers=0.9")) as url:
        _run("run", "--out", out, "--base-url", url, "--vendor", "example", "--model", "kimi-k2.5", *known[2:],
             "--benchmarks", "aime2025", "--tier", "standard", "--allow-dataset-drift", "--epochs", 2,
             "--max-connections", 4, "--precheck", "off")  # fmt: skip


@recipe
def resumed(out: Path) -> None:
    """Failures, a kill between an answer and its score with a torn line, an interruption, and the end."""
    dataset = problems(_beside(out, "sums.jsonl"), 60)
    port = _free_port()
    asked = ("run", "--out", out, "--base-url", f"http://127.0.0.1:{port}/v1", "--vendor", "example", "--model",
             "kimi-k2.6", "--benchmarks", "aime2025,toolcall", "--dataset", f"aime2025={dataset}", "--dataset",
             "toolcall=bundled", "--epochs", 1, "--limit", 40, "--max-connections", 4, "--precheck", "off",
             "--retry-attempts", 1)  # fmt: skip
    served = ("--port", port, "--dataset", f"aime2025={dataset}")
    with vendor(*served, *_faults("server-errors=0.2", "wrong-answers=0.2")):
        _run(*asked)
    _tear(out / "journal.jsonl")
    with vendor(*served, *_faults("wrong-answers=0.2"), "--latency", "0.1"), _interrupting(out / "journal.jsonl"):
        _run(*asked)
    with vendor(*served, *_faults("server-errors=0.05", "wrong-answers=0.2")):
        _run(*asked)


@recipe
def out_of_budget(out: Path) -> None:
    """A run that was stopped because it had sent all that it may."""
    demo(out, "--benchmarks", "ocrbench,aime2025", "--precheck", "off", "--max-requests", 20)


@recipe
def interrupted(out: Path) -> None:
    """A run that was interrupted and did not go on."""
    dataset = problems(_beside(out, "sums.jsonl"), 60)
    known = ("--dataset", f"aime2025={dataset}")
    with vendor(*known, "--latency", "0.1") as url, _interrupting(out / "journal.jsonl", 20_000):
        _run("run", "--out", out, "--base-url", url, "--vendor", "example", "--model", "kimi-k2.6", *known,
             "--benchmarks", "aime2025", "--epochs", 1, "--max-connections", 4, "--precheck", "off")  # fmt: skip


def _shard(out: Path, number: int) -> None:
    demo(out, "--benchmarks", "precheck,aime2025,toolcall,swebench", "--container-images", "keep", "--probes",
         "endpoint,parameters", "--precheck", "warn", "--limit", 9, "--shard", f"{number}/3",
         "--swebench-limits", "steps=12,command=20",
         *_faults("wrong-answers=0.3", "rate-limits=0.2", "extra-properties=0.3"))  # fmt: skip


@recipe
def shard_1(out: Path) -> None:
    """The first of three shards: what gates."""
    _shard(out, 1)


@recipe
def shard_2(out: Path) -> None:
    """The second of three shards."""
    _shard(out, 2)


@recipe
def shard_3(out: Path) -> None:
    """The third of three shards."""
    _shard(out, 3)


@recipe
def merged(out: Path) -> None:
    """The three shards as one run."""
    _run("merge", *(out.parent / f"shard-{number}" for number in (1, 2, 3)), "--out", out)


@recipe
def merged_without_one(out: Path) -> None:
    """Two of three shards: the result says what is missing."""
    _run("merge", out.parent / "shard-1", out.parent / "shard-3", "--out", out)


@recipe
def live_reference(out: Path) -> None:
    """Tool calls against those of a second endpoint."""
    with vendor(*_faults("triggers-differently=0.2")) as url, vendor() as reference:
        _run("run", "--out", out, "--base-url", url, "--vendor", "example", "--model", "kimi-k2.6", "--benchmarks",
             "toolcall", "--dataset", "toolcall=bundled", "--limit", 12, "--precheck", "off",
             "--reference-base-url", reference)  # fmt: skip


@recipe
def imported(out: Path) -> None:
    """A result file of K2VV, judged again against another one."""
    mine, official = _beside(out, "results.jsonl"), _beside(out, "official.jsonl")
    rows = [_row(number) for number in range(1, 9)]
    mine.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    right = [{**_row(number, right=True), "data_index": 9 - number} for number in range(8, 0, -1)]
    official.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in right))
    _run("import-k2vv", mine, "--reference", official, "--vendor", "example", "--out", out)


def _row(number: int, *, right: bool = False) -> dict[str, object]:
    """A row as K2VV writes it: every second request calls a tool; some calls are broken, the last request failed."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    request = {
        "model": "kimi-k2-thinking", "messages": [{"role": "user", "content": f"Weather in town {number}?"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}],
    }  # fmt: skip
    ran = {"last_run_at": f"2026-01-02T03:04:{number:02}", "duration_ms": 100 * number}
    if number == 8 and not right:
        error = {"error_type": "timeout", "error_message": "too long", "error": "too long"}
        return {"data_index": number, "request": request, "response": error, "status": "failed",
                "finish_reason": None, **ran}  # fmt: skip
    broken = number == 3 and not right
    calls = number % 2 == 1
    call = {"id": f"functions.weather:{number}", "type": "function",
            "function": {"name": "weather", "arguments": '{"town": 1' if broken else '{"city": "A"}'}}  # fmt: skip
    finish = "tool_calls" if calls and not (number == 5 and not right) else "stop"
    message = {"role": "assistant", "content": "" if calls else "Dry.",
               "tool_calls": [call] if finish == "tool_calls" else None}  # fmt: skip
    usage = {"prompt_tokens": 50 + number, "completion_tokens": 10, "total_tokens": 60 + number}
    response = {"id": f"c{number}", "object": "chat.completion", "created": 1, "model": "kimi-k2-thinking",
                "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}  # fmt: skip
    return {"data_index": number, "request": request, "response": response, "status": "success",
            "finish_reason": finish, **ran}  # fmt: skip


def _small(out: Path, *arguments: object) -> None:
    demo(
        out, "--benchmarks", "aime2025,ocrbench,toolcall", "--probes", "endpoint,parameters", "--limit", 20, *arguments
    )


@recipe
def before(out: Path) -> None:
    """A run before a change."""
    _small(out)


@recipe
def after(out: Path) -> None:
    """A run after a change that broke the model, with the run before as its baseline."""
    _small(out, "--baseline", out.parent / "before", *_faults("wrong-answers=0.3", "drops-usage"))


def _sums(out: Path, wrong: float, *arguments: object) -> None:
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + 0?", "answer": str(n)} for n in range(150)]
    dataset = _beside(out, "sums.jsonl")
    dataset.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    demo(out, "--benchmarks", "aime2025", "--probes", "endpoint.models", "--dataset", f"aime2025={dataset}",
         "--epochs", 1, *_faults(f"wrong-answers={wrong}"), *arguments)  # fmt: skip


@recipe
def official(out: Path) -> None:
    """A run without anything to compare with: no verdict."""
    _sums(out, 0.1)


@recipe
def against_official(out: Path) -> None:
    """The same samples, compared with that run one by one."""
    _sums(out, 0.4, "--reference", out.parent / "official", "--sequential", "false")


def _faults(*faults: str) -> list[str]:
    return [word for fault in faults for word in ("--fault", fault)]


def _beside(out: Path, name: str) -> Path:
    """A file of the run's own folder, where an audit finds the samples."""
    out.mkdir(exist_ok=True)
    return out / name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tear(journal: Path) -> None:
    """Leave what a kill leaves: an answer without its score, and a part of the next line."""
    lines = journal.read_bytes().splitlines(keepends=True)
    answers = [number for number, line in enumerate(lines) if b'"kind":"answer"' in line[:200]]
    last = answers[len(answers) * 3 // 4]
    journal.write_bytes(b"".join(lines[: last + 1]) + lines[last + 1][:60])


@contextlib.contextmanager
def _interrupting(journal: Path, more: int = 8_000) -> Iterator[None]:
    """Interrupt this process, as Ctrl-C does, when the journal has grown by so many bytes."""
    enough, over = size(journal) + more, threading.Event()

    def watch() -> None:
        while not over.is_set() and size(journal) < enough:
            time.sleep(0.005)
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def keep_run(folder: Path, scratch: Path) -> None:
    """Store a run, and what every command says of it."""
    target = RUNS / folder.name
    keep(folder, target)
    full, redacted = scratch / "full.tar.gz", scratch / "redacted.tar.gz"
    said, record = submitted(folder, folder)
    (folder / "evidence.tar.gz").unlink(missing_ok=True)
    found = {
        "audit": audited(folder, folder, (folder / "report.json").read_bytes()),
        "bundle": packed(folder, full),
        "bundle --redact": packed(folder, redacted, "--redact"),
        "leaderboard submit": said,
    }
    (target / EXPECTED).write_bytes(as_json(found))
    if record is not None:
        (target / RECORD).write_bytes(record)


def keep_pair(name: str, root: Path) -> None:
    """Store what comparing two runs says."""
    base, new = COMPARED[name]
    out = root / "compared"
    said = say(root, "compare", root / base, root / new, "--out", out)
    keep(out, PAIRS / name)
    (PAIRS / name / EXPECTED).write_bytes(as_json({"base": base, "new": new, "compare": said}))
    shutil.rmtree(out)


def keep_bundle(run: Path, *options: str) -> None:
    """Store the archive of a run itself, and what is said of it."""
    target = BUNDLES / f"{run.name}{'-redacted' if options else ''}"
    target.mkdir(parents=True)
    archive = target / BUNDLE
    packed(run, archive, *options)
    said, record = submitted(archive, target)
    found = {
        "audit": audited(archive, target, (run / "report.json").read_bytes()),
        "leaderboard submit": said,
    }
    (target / EXPECTED).write_bytes(as_json(found))
    if record is not None:
        (target / RECORD).write_bytes(record)


def main() -> int:
    """Make everything in a scratch folder and store it; a set that is there stays as it is."""
    if SCHEMA.exists():
        sys.stderr.write(f"{SCHEMA}: the golden set of a schema is frozen; nothing was made\n")
        return 2
    os.environ.update(SETTLED)
    with tempfile.TemporaryDirectory() as scratch, mock.patch.object(platform, "platform", return_value="Linux"):
        root = Path(scratch, "runs")
        root.mkdir()
        for name, make in RECIPES.items():
            sys.stderr.write(f"{name}\n")
            make(root / name)
        shutil.copytree(BUILT_IN, PROFILES, ignore=lambda _, names: [name for name in names if name[-5:] != ".toml"])
        for name in RECIPES:
            keep_run(root / name, Path(scratch))
        for name in COMPARED:
            keep_pair(name, root)
        keep_bundle(root / "delivery-faults")
        keep_bundle(root / "content-faults", "--redact")
    return 0


if __name__ == "__main__":
    sys.exit(main())
