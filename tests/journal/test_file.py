"""The journal: what is in it is whole, in order and unchanged, or the reader says so."""

import base64
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.errors import JournalError, RunStopped
from kvv_action.journal.file import GENESIS, Journal, Reader
from kvv_action.redact import Redactor
from kvv_action.schema import Completion

KEY = "sk-canary-0123456789"


def write(path: Path, *records: dict[str, object], redactor: Redactor | None = None) -> bytes:
    with Journal(path, redactor or Redactor()) as journal:
        for record in records:
            journal.append(record)
    return path.read_bytes()


def some(count: int) -> list[dict[str, object]]:
    return [{"kind": "skip", "benchmark": "b", "reason": f"number {number} é"} for number in range(count)]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes: what a full disk does, partial writes included."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    """Records come back in order, each with the digest of the line before."""
    path = tmp_path / "j"
    write(path, *some(3))
    reader = Reader(path)
    records = list(reader)
    assert [record["reason"] for record in records] == [record["reason"] for record in some(3)]
    assert records[0]["prev"] == GENESIS
    assert len({record["prev"] for record in records}) == 3


def test_a_reader_can_be_read_again(tmp_path: Path) -> None:
    """The second pass sees the same lines and the same head."""
    write(tmp_path / "j", *some(3))
    reader = Reader(tmp_path / "j")
    assert list(reader) == list(reader)
    assert reader.head == Journal(tmp_path / "j", Redactor()).head


def test_a_line_is_in_the_kernel_when_append_returns(tmp_path: Path) -> None:
    """Another reader sees the line although the journal is still open and was not synced."""
    journal = Journal(tmp_path / "j", Redactor())
    journal.append(some(1)[0])
    assert len(list(Reader(tmp_path / "j"))) == 1


def test_a_second_session_goes_on_with_the_chain(tmp_path: Path) -> None:
    """Lines of a later process follow from those of the first."""
    write(tmp_path / "j", *some(2))
    write(tmp_path / "j", *some(2))
    assert len(list(Reader(tmp_path / "j"))) == 4


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_byte_anywhere_is_detected(data: st.DataObject) -> None:
    """Either the chain breaks, or the head is another one, which the report and the manifest hold."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        content = bytearray(write(path, *some(4)))
        head = Reader(path)
        list(head)
        position = data.draw(st.integers(0, len(content) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[position]))
        content[position] = byte
        path.write_bytes(content)
        changed = Reader(path)
        try:
            list(changed)
        except JournalError:
            return
        assert changed.head != head.head


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_removed_line_is_detected(tmp_path: Path, gone: int) -> None:
    """All lines but the last are held by the one that follows."""
    lines = write(tmp_path / "j", *some(4)).splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    with pytest.raises(JournalError, match=f"line {gone + 1}: the digest of the line before does not match"):
        list(Reader(tmp_path / "j"))


def test_swapped_lines_are_detected(tmp_path: Path) -> None:
    """The order is part of the evidence."""
    one, two, three = write(tmp_path / "j", *some(3)).splitlines(keepends=True)
    (tmp_path / "j").write_bytes(one + three + two)
    with pytest.raises(JournalError, match="line 2"):
        list(Reader(tmp_path / "j"))


def test_a_torn_last_line_is_mended_wherever_it_tore(tmp_path: Path) -> None:
    """Whatever part of the last line a killed process left, it is removed and the journal says how much it was."""
    whole = write(tmp_path / "whole", *some(3))
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start + 1, len(whole), 3):
        path = tmp_path / "torn"
        path.write_bytes(whole[:end])
        with Journal(path, Redactor()) as journal:
            assert journal.mended_bytes == end - start
            journal.append(some(1)[0])
        kinds = [(record["kind"], record.get("bytes")) for record in Reader(path)]
        assert kinds == [("skip", None), ("skip", None), ("mended", end - start), ("skip", None)]


def test_a_torn_line_ends_the_reading(tmp_path: Path) -> None:
    """A reader of a journal that is still written to does not stumble over half a line."""
    whole = write(tmp_path / "j", *some(2))
    (tmp_path / "j").write_bytes(whole[:-5])
    assert len(list(Reader(tmp_path / "j"))) == 1


def test_a_torn_first_line_leaves_a_new_journal(tmp_path: Path) -> None:
    """Nothing was lost, and the first line must be that of a session."""
    (tmp_path / "j").write_bytes(b'{"prev":"abc')
    with Journal(tmp_path / "j", Redactor()) as journal:
        assert journal.mended_bytes == 12
        assert journal.lines == 0
    assert (tmp_path / "j").read_bytes() == b""


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """Two processes in one folder would break the chain."""
    with Journal(tmp_path / "j", Redactor()), pytest.raises(JournalError, match="another kvv process"):
        Journal(tmp_path / "j", Redactor())


def test_the_lock_ends_with_the_journal(tmp_path: Path) -> None:
    """The next process is let in."""
    Journal(tmp_path / "j", Redactor()).close()
    Journal(tmp_path / "j", Redactor()).close()


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    """The message names the path and the reason."""
    with pytest.raises(JournalError, match=r"no/j: No such file"):
        Journal(tmp_path / "no" / "j", Redactor())


@pytest.mark.parametrize("spelling", [KEY, base64.b64encode(KEY.encode()).decode(), KEY.encode().hex()])
def test_the_key_is_in_no_line(tmp_path: Path, spelling: str) -> None:
    """Whatever the endpoint echoes, in whatever record."""
    completion = Completion(content=f"your key is {spelling}", reasoning=KEY, model=KEY, finish_reason=KEY)
    record = {"kind": "answer", "completion": completion, "list": [{"deep": f"<{KEY}>", KEY: 1}]}
    content = write(tmp_path / "j", record, redactor=Redactor([KEY]))
    assert KEY.encode() not in content
    assert spelling.encode() not in content


def test_a_key_of_digits_leaves_numbers_and_digests_alone(tmp_path: Path) -> None:
    """`123456` is a common placeholder; as a number it is not a secret, and JSON must stay JSON."""
    record = {"kind": "end", "at": 1700123456.5, "big": 1234567, "digest": "123456ab", "text": "key 123456"}
    write(tmp_path / "j", record, redactor=Redactor(["123456"]))
    (read,) = Reader(tmp_path / "j")
    assert (read["at"], read["big"], read["text"]) == (1700123456.5, 1234567, "key ***")


@pytest.mark.parametrize("key", ["nvapi-0123456789", "r8_0123456789", "tgp_v1_0123456789", "u0001abcdef"])
def test_an_escape_before_the_key_does_not_break_the_line(tmp_path: Path, key: str) -> None:
    r"""`\n` and the rest of `nvapi-…` look like the key in JSON; a hostile endpoint could spoil the journal."""
    texts = ["\n" + key[1:], "\r" + key[1:], "\t" + key[1:], "\x01" + key[5:], key]
    write(tmp_path / "j", {"kind": "skip", "reason": texts}, redactor=Redactor([key]))
    (read,) = Reader(tmp_path / "j")
    assert len(read["reason"]) == len(texts)
    assert key.encode() not in (tmp_path / "j").read_bytes()


@pytest.mark.parametrize("key", ["finish_reason", "first_token", "sha256", "kind:a"])
def test_a_key_that_is_one_of_our_words_does_not_break_the_line(tmp_path: Path, key: str) -> None:
    """Fields are found by their names, whatever placeholder somebody uses as a key."""
    record = {"kind": "answer", "benchmark": "benchmark", "text": f"it is {key}!"}
    write(tmp_path / "j", record, redactor=Redactor([key]))
    (read,) = Reader(tmp_path / "j")
    assert (read["kind"], read["benchmark"], read["text"]) == ("answer", "benchmark", "it is ***!")


def test_a_full_disk_stops_the_run(tmp_path: Path) -> None:
    """The message names the journal and the reason."""
    with Journal(tmp_path / "j", Redactor()) as journal, file_limit(100), pytest.raises(RunStopped, match="cannot be"):
        journal.append({"kind": "skip", "reason": "x" * 1000})


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path: Path) -> None:
    """The part that still fitted would otherwise stand in front of the next line and damage the journal."""
    with Journal(tmp_path / "j", Redactor()) as journal:
        journal.append(some(1)[0])
        with file_limit(journal.path.stat().st_size + 50), pytest.raises(RunStopped):
            journal.append({"kind": "skip", "reason": "x" * 1000})
        journal.append({"kind": "end"})
    assert [record["kind"] for record in Reader(tmp_path / "j")] == ["skip", "end"]


def test_what_json_cannot_hold_leaves_no_trace(tmp_path: Path) -> None:
    """A record that cannot be written is a defect of the caller; the journal stays usable."""
    with Journal(tmp_path / "j", Redactor()) as journal:
        with pytest.raises(TypeError):
            journal.append({"kind": "skip", "reason": object()})
        journal.append(some(1)[0])
    assert len(list(Reader(tmp_path / "j"))) == 1


@pytest.mark.parametrize("line", [b"[]\n", b"null\n", b'"x"\n', b"{\n", b"\n", b"\xff\xfe\n", b'{"prev":1}\n'])
def test_what_is_not_a_journal_is_refused(tmp_path: Path, line: bytes) -> None:
    """A file of another origin is damaged in the eyes of a reader, not a crash."""
    (tmp_path / "j").write_bytes(line)
    with pytest.raises(JournalError, match="line 1"):
        list(Reader(tmp_path / "j"))


def test_every_line_is_json_with_the_digest_first(tmp_path: Path) -> None:
    """Other tools can check the chain: `prev` is the SHA-256 of the line before without its newline."""
    for line in write(tmp_path / "j", *some(2)).splitlines():
        assert next(iter(orjson.loads(line))) == "prev"
