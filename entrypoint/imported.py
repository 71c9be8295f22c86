"""The parts of a result file of K2VV that a run is made from: its profile, its requests and its answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import benchmarks.toolcall
from benchmarks.toolcall import k2vv
from kvv_action.errors import EndpointError
from kvv_action.profiles import loader
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.schema import CHAT, Attempt, Completion, FailureKind, Json
from kvv_action.whole_files import replaced

BENCHMARK = "toolcall"
NO_PROFILE = Path(benchmarks.toolcall.__file__).with_name("import.toml")
REQUESTS, REFERENCE = "k2vv-requests.jsonl", "k2vv-reference-{}.jsonl"
ENDPOINT = "imported"


def profile_of(name: str, model: str = "") -> Profile:
    """The profile that judges imported answers: the named one, that of the model, or one without references.

    It has no sampling, because the file says how the requests were sent.

    Raises:
        UsageError: there is none of that name.
    """
    tail = model.lower().rpartition("/")[2]
    found = name or (tail if tail in loader.names() else "")
    profile = loader.load(str(NO_PROFILE) if found in ("", NO_PROFILE.stem) else found)
    rules = profile.benchmarks.get(BENCHMARK, BenchmarkRules())
    unsampled = replace(rules, sampling={}, without_thinking={}, thinking=None)
    return replace(profile, benchmarks={**profile.benchmarks, BENCHMARK: unsampled})


def references_in(out: Path) -> tuple[str, ...]:
    """The references that were kept with an imported run."""
    return tuple(str(path) for path in sorted(out.glob(REFERENCE.format("*"))))


def keep_requests(source: Path, target: Path) -> None:
    """Copy the requests of a result file; with them the run can be audited without the file."""
    with replaced(target) as out:
        for row in k2vv.rows(source):
            request = k2vv.request_of(row, f"{source.name}, data_index {row['data_index']}")
            kept = {"data_index": row["data_index"], "request": request}
            out.write(_line(kept))


def keep_reference(source: Path, target: Path) -> None:
    """Copy what a comparison needs of a reference: each request's content, and how it ended."""
    with replaced(target) as out:
        for row in k2vv.rows(source):
            request = k2vv.request_of(row, f"{source.name}, data_index {row['data_index']}")
            asked = {name: request[name] for name in ("messages", "tools") if name in request}
            kept = {name: row.get(name) for name in ("data_index", "status", "finish_reason", "last_run_at")}
            out.write(_line({**kept, "request": asked}))


def _line(row: Mapping[str, Json]) -> bytes:
    return f"{json.dumps(row, ensure_ascii=False)}\n".encode()


class Replay:
    """A client that answers with the rows of a result file, in their order, whatever it is asked.

    Attributes:
        now: when the last answer came, seconds since the epoch.
    """

    def __init__(self, source: Path) -> None:
        self._rows: Iterator[k2vv.Row] = k2vv.rows(source)
        self.now = 0.0

    async def complete(
        self, content: bytes, *, stream: bool, path: str = CHAT, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """The next answer of the file.

        Raises:
            EndpointError: that request failed.
        """
        del content, stream, path, tries, may_crash
        row = next(self._rows)
        self.now = max(self.now, k2vv.seconds_of(row.get("last_run_at")))
        completion = k2vv.completion_of(row)
        if completion is not None:
            return completion
        failure = k2vv.failure_of(row)
        duration = k2vv.seconds_taken(row)
        attempt = Attempt(
            number=1, started=self.now - duration, duration=duration, failure=failure.kind, message=failure.message
        )
        raise EndpointError(failure.kind, failure.message, attempts=(attempt,), status=k2vv.status_of(failure))

    async def fetch(
        self, path: str, content: bytes | None = None, *, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """Nothing else is in the file.

        Raises:
            EndpointError: always.
        """
        del content, tries, may_crash
        raise EndpointError(FailureKind.UNDECIDED, f"an imported result file holds answers only, not {path}")


def spans(paths: Sequence[Path]) -> tuple[float, str]:
    """When the first answer of the first file began, and its model."""
    started, model = 0.0, ""
    for row in k2vv.rows(paths[0]):
        request = row.get("request")
        model = model or (str(request.get("model") or "") if isinstance(request, dict) else "")
        at = k2vv.seconds_of(row.get("last_run_at")) - k2vv.seconds_taken(row)
        started = at if not started else min(started, at)
    return max(0.0, started), model
