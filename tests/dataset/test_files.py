"""Rows of local files, and mistakes in them with the line."""

from pathlib import Path

import pytest

from kvv_action.dataset.files import read
from kvv_action.errors import DatasetError


def rows(tmp_path: Path, name: str, content: str | bytes) -> list[dict[str, object]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [dict(row) for row in read(path)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.jsonl", '{"id":"1","q":"a"}\n{"id":"2","q":"b"}\n'),
        ("d.JSONL", '{"id":"1","q":"a"}\n\n  \n{"id":"2","q":"b"}'),
        ("d.jsonl", '{"id":"1","q":"a"}\r\n{"id":"2","q":"b"}\r\n'),
        ("d.json", '[{"id":"1","q":"a"},{"id":"2","q":"b"}]'),
        ("d.csv", "id,q\n1,a\n2,b\n"),
        ("d.csv", 'id,q\r\n1,"a"\r\n2,b\r\n'),
        ("d.csv", "\ufeffid,q\n1,a\n2,b\n"),
    ],
)
def test_every_kind_gives_the_same_rows(tmp_path: Path, name: str, content: str) -> None:
    """Blank lines, CR LF, quotes and a byte-order mark of a spreadsheet do not matter."""
    assert rows(tmp_path, name, content) == [{"id": "1", "q": "a"}, {"id": "2", "q": "b"}]


def test_control_characters_in_json_stay(tmp_path: Path) -> None:
    """Problems go out as they are stored."""
    assert rows(tmp_path, "d.jsonl", '{"q":"a\\u000cb\\u0000"}\n') == [{"q": "a\x0cb\x00"}]


def test_a_line_break_in_a_csv_cell_stays(tmp_path: Path) -> None:
    """A row is not a line."""
    assert rows(tmp_path, "d.csv", 'id,q\n1,"a\nb"\n') == [{"id": "1", "q": "a\nb"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jsonl", '{"a":1}\n{"a":\n', r"d.jsonl, line 2: not JSON \("),
        ("d.jsonl", '{"a":1}\n\n[1]\n', r"d.jsonl, line 3: not an object"),
        ("d.jsonl", b'{"a":"\xff"}\n', r"d.jsonl, line 1: not JSON"),
        ("d.json", "{", r"d.json: not JSON"),
        ("d.json", "{}", r"d.json: the top level is not a list of objects"),
        ("d.json", '[{"a":1}, 2]', r"d.json, item 2: not an object"),
        ("d.csv", b"a\n\xff\n", r"d.csv: it is not UTF-8 text$"),
        ("d.xlsx", "x", r"d.xlsx: .xlsx suffix; use .jsonl, .json, .csv, .parquet or a folder"),
        ("data", "x", r"data: no suffix; use"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    """The file, the line or item, and what is wrong."""
    with pytest.raises(DatasetError, match=message):
        rows(tmp_path, name, content)


def test_a_missing_file_is_an_explained_error(tmp_path: Path) -> None:
    """It may have gone between plan and run."""
    with pytest.raises(DatasetError, match=r"gone.jsonl: .*No such file"):
        list(read(tmp_path / "gone.jsonl"))


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    """A mistake in the last line does not hide the first."""
    path = tmp_path / "d.jsonl"
    path.write_text('{"a":1}\n{')
    assert next(iter(read(path))) == {"a": 1}


@pytest.mark.parametrize(
    ("begins", "told"),
    [
        (b"\x1f\x8b\x08", "compressed by gzip: unpack it first"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark: save it as UTF-8 without one"),
        ("{}".encode("utf-16"), "UTF-16: save it as UTF-8"),
    ],
)
def test_what_is_no_plain_json_is_named(begins: bytes, told: str, tmp_path: Path) -> None:
    """Its first bytes say what it is, and so what to do."""
    (tmp_path / "rows.jsonl").write_bytes(begins + b"\n")
    with pytest.raises(DatasetError, match=rf"rows.jsonl, line 1: not JSON \(.*{told}"):
        list(read(tmp_path / "rows.jsonl"))
