"""What a person sees: lines in a log, bars on a terminal, the table at the end."""

import contextlib
import io
import os
import pty
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from entrypoint.console import BarObserver, LogObserver, observer_for, print_report
from kvv_action.benchmark import Finished
from kvv_action.redact import Redactor
from kvv_action.report.files import parse
from kvv_action.schema import FailureKind, RunReport, SampleFailure, Score
from tests.pipeline.command import kvv

END = "<end>"
HOSTILE = "::error::pwned ##[error]pwned\n\x1b[31mred\x07 \u202egnp.exe [bold]markup[/bold] :boom:"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def answered(benchmark: str = "aime2025") -> Finished:
    """An answer with a score."""
    return Finished(benchmark=benchmark, sample="s", epoch=0, result=Score(value=1.0))


def lost(benchmark: str = "aime2025") -> Finished:
    """A request that came to nothing."""
    failure = SampleFailure(kind=FailureKind.TRUNCATED, message="cut")
    return Finished(benchmark=benchmark, sample="s", epoch=0, result=failure)


class Log:
    """A log observer with its output and its clock."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        self.stream, self.clock = io.StringIO(), Clock()
        self.observer = LogObserver(self.stream, redactor, self.clock)

    def lines(self) -> list[str]:
        """What was written, without time and level."""
        return [line.split("] ", 1)[1] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_log_says_what_is_ahead(log: Log) -> None:
    """At the start: which benchmark, how many answers."""
    log.observer.started("aime2025", 30, 0)
    assert log.lines() == ["started benchmark=aime2025 planned=30"]


def test_a_log_says_what_is_resumed(log: Log) -> None:
    """After an interruption: how many are there already."""
    log.observer.started("aime2025", 30, 12)
    assert log.lines() == ["started benchmark=aime2025 planned=30 resumed=12"]


def test_a_log_is_quiet_between_its_lines(log: Log) -> None:
    """Less than five seconds after the last line, ticks say nothing."""
    log.observer.started("aime2025", 30, 0)
    for _ in range(4):
        log.clock.now += 1
        log.observer.finished(answered())
        log.observer.tick()
    assert len(log.lines()) == 1


def test_a_log_tells_progress_every_few_seconds(log: Log) -> None:
    """After five seconds: done, failed, rate and time left."""
    log.observer.started("aime2025", 30, 0)
    for event in (answered(), answered(), lost()):
        log.observer.finished(event)
    log.clock.now += 6
    log.observer.tick()
    assert log.lines()[1:] == ["progress benchmark=aime2025 done=3/30 failed=1 left='54.0 s' rate=0.5/s"]


def test_a_log_does_not_guess_without_answers(log: Log) -> None:
    """Before the first answer the time left is unknown."""
    log.observer.started("aime2025", 30, 0)
    log.clock.now += 6
    log.observer.tick()
    assert log.lines()[1:] == ["progress benchmark=aime2025 done=0/30 failed=0 left=– rate=0.0/s"]


def test_resumed_answers_do_not_count_into_the_rate(log: Log) -> None:
    """The rate is that of this session."""
    log.observer.started("aime2025", 30, 20)
    log.observer.finished(answered())
    log.clock.now += 10
    log.observer.tick()
    assert "done=21/30 failed=0 left='1 min 30 s' rate=0.1/s" in log.lines()[-1]


def test_a_log_says_when_a_benchmark_is_done(log: Log) -> None:
    """At completion: one line at once, and none of it afterwards."""
    log.observer.started("aime2025", 2, 0)
    log.clock.now += 1
    log.observer.finished(answered())
    log.observer.finished(lost())
    log.clock.now += 60
    log.observer.tick()
    assert log.lines()[1:] == ["finished benchmark=aime2025 done=2/2 failed=1 rate=2.0/s"]


def test_a_change_of_state_is_told_at_once(log: Log) -> None:
    """A closed gate does not wait for the next line."""
    log.observer.state("Pre-Verification failed: tokens.growth")
    assert log.lines() == ["Pre-Verification failed: tokens.growth"]


def test_hostile_text_is_one_harmless_line(log: Log) -> None:
    """Whatever an endpoint says: no new line, no escape sequence, no direction change."""
    log.observer.state(HOSTILE)
    (line,) = log.stream.getvalue().splitlines()
    assert not re.search(r"[\x00-\x1f\x7f\u202e]", line)
    assert "##[" not in line
    assert r"\x1b[31mred\x07" in line


def test_a_key_is_removed_from_a_log() -> None:
    """A key in a message is masked."""
    log = Log(Redactor(["sk-canary-123"]))
    log.observer.state("HTTP 500: Bearer sk-canary-123")
    assert log.lines() == ["HTTP 500: Bearer ***"]


def test_a_log_whose_reader_leaves_is_no_error() -> None:
    """A closed pipe ends the lines, not the run."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        observer = LogObserver(stream)
        observer.started("aime2025", 2, 0)
        observer.finished(answered())
        observer.state("going on")
        assert not stream.closed, "a line that nobody reads is dropped, the run keeps its stream"


class Screen:
    """A terminal of a given width, as a bar observer sees it."""

    def __init__(self, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        outer, inner = pty.openpty()
        self.stream = os.fdopen(inner, "w")
        self._drawn: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=(outer,))
        self._reader.start()

    def _read(self, outer: int) -> None:
        """Take what is drawn, so that drawing never waits; ends when the terminal is closed."""
        with os.fdopen(outer, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
            while data := terminal.read(4096):
                self._drawn.put(data)

    def raw(self) -> str:
        """Everything that was drawn since the last time."""
        self.stream.write(END)
        self.stream.flush()
        drawn = b""
        while not drawn.endswith(END.encode()):
            drawn += self._drawn.get(timeout=10)
        return drawn.decode().removesuffix(END)

    def text(self) -> str:
        """The same without colours and cursor movements."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.raw())

    def close(self) -> None:
        """Hang up."""
        self.stream.close()
        self._reader.join()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Screen]]:
    opened: list[Screen] = []

    def make(columns: int) -> Screen:
        opened.append(Screen(columns, monkeypatch))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def bars(stream: object, clock: Clock, redactor: Redactor | None = None) -> BarObserver:
    """Bars on a stream."""
    from rich.console import Console

    return BarObserver(Console(file=stream), redactor, clock)  # type: ignore[arg-type]


def test_a_terminal_gets_bars_and_a_log_gets_lines(screen: Callable[[int], Screen]) -> None:
    """What is shown follows from what is there."""
    assert isinstance(observer_for(screen(100).stream, Redactor()), BarObserver)
    assert isinstance(observer_for(io.StringIO(), Redactor()), LogObserver)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_bar_shows_done_failed_rate_and_time_left(columns: int, screen: Callable[[int], Screen]) -> None:
    """Also on a narrow terminal."""
    terminal, clock = screen(columns), Clock()
    observer = bars(terminal.stream, clock)
    observer.started("aime2025", 30, 0)
    for event in (answered(), answered(), lost()):
        observer.finished(event)
    clock.now += 6
    observer.tick()
    drawn = terminal.text()
    observer.close()
    for shown in ("aime2025", "3/30", "1 failed", "0.5/s", "54.0 s left"):
        assert shown in drawn


def test_a_bar_that_is_full_keeps_its_rate(screen: Callable[[int], Screen]) -> None:
    """Time that passes afterwards does not slow down what is done."""
    terminal, clock = screen(100), Clock()
    observer = bars(terminal.stream, clock)
    observer.started("precheck", 2, 0)
    observer.started("aime2025", 2, 0)
    clock.now += 1
    observer.finished(answered("precheck"))
    observer.finished(answered("precheck"))
    clock.now += 60
    terminal.text()
    observer.tick()
    drawn = terminal.text()
    observer.close()
    assert re.search(r"precheck.*2/2.*2\.0/s", drawn)


def test_states_stand_above_the_bars_and_are_harmless(screen: Callable[[int], Screen]) -> None:
    """Markup, emoji codes, escapes and keys in a message are plain text or gone."""
    terminal = screen(200)
    observer = bars(terminal.stream, Clock(), Redactor(["sk-canary-123"]))
    observer.started("aime2025", 2, 0)
    observer.state(HOSTILE + " sk-canary-123")
    observer.close()
    drawn = terminal.text()
    assert r"\x1b[31mred\x07" in drawn
    assert "[bold]markup[/bold] :boom: ***" in drawn
    assert "canary" not in drawn


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    out = tmp_path_factory.mktemp("failed")
    kvv("demo", "--fault", "drops-usage", "--probes", "parameters.*,tokens.usage.*,tokens.growth", "--out", out)
    return parse((out / "report.json").read_bytes())


def printed(report: RunReport, out: str = "kvv-out") -> str:
    """The final words."""
    stream = io.StringIO()
    print_report(report, out, stream)
    return stream.getvalue()


def test_the_table_has_a_row_per_benchmark(failed: RunReport) -> None:
    """Verdict, score and every denominator."""
    text = printed(failed)
    assert re.search(r"Pre-Verification │ fail +│ 89\.3 % +│ – +│ +28/28 │ +0 │ +0 │ +0 ", text)
    assert re.search(r"AIME 2025 +│ skipped +│ – +│ – +│ +0/8 │ +0 │ +0 │ +8 ", text)


def test_reasons_causes_and_verdict_stand_below_the_table(failed: RunReport) -> None:
    """Each on a line of its own, however long."""
    lines = printed(failed).splitlines()
    assert "Pre-Verification: 3 of 28 probes wrong (tokens.usage.streamed, tokens.usage.plain, tokens.growth)" in lines
    assert any(line.lstrip().startswith("• usage is missing (3 ×): report usage in both modes") for line in lines)
    assert "Verdict (demonstration): fail" in lines
    assert lines[-1] == (
        "Reports and evidence: kvv-out/ (report.html, summary.md, report.json, junit.xml, journal.jsonl, manifest.json)"
    )


@pytest.mark.parametrize("columns", [40, 72, 80, 100, 200])
def test_the_table_fits_the_terminal(columns: int, failed: RunReport, screen: Callable[[int], Screen]) -> None:
    """No row is wider than the terminal, and a benchmark stays one row."""
    terminal = screen(columns)
    print_report(failed, "kvv-out", terminal.stream)
    rows = [line.rstrip() for line in terminal.text().splitlines() if "│" in line]
    assert max(map(len, rows)) <= columns
    assert columns < 60 or len(rows) == len(failed.benchmarks)


def test_hostile_reasons_are_printed_harmlessly(failed: RunReport) -> None:
    """Text of an endpoint cannot colour, move the cursor or break the table."""
    results = tuple(replace(result, reason=HOSTILE) for result in failed.benchmarks)
    text = printed(replace(failed, benchmarks=results, state_reason=HOSTILE), out="o\x1b[31mut/")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    assert "[bold]markup[/bold] :boom:" in text
    assert "##[" not in text
    assert not re.search(r"^\s*::", text, re.MULTILINE)


def test_no_color_is_honoured(
    failed: RunReport, screen: Callable[[int], Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With NO_COLOR nothing is coloured, also on a terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = screen(100)
    print_report(failed, "kvv-out", terminal.stream)
    drawn = terminal.raw()
    assert "Verdict" in drawn
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7])m", drawn)


def test_a_path_is_printed_once(failed: RunReport) -> None:
    """A slash at the end of out is not doubled."""
    assert "evidence: kvv-out/ (" in printed(failed, "kvv-out/")
