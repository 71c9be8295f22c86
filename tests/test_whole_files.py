"""Files are written completely or not at all."""

import errno
import os
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from kvv_action.whole_files import replaced, write


def filled(stream: BinaryIO) -> None:
    stream.write(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_no_file_and_names_it(tmp_path: Path) -> None:
    """Neither an empty one nor a part; the error has the name that the user knows."""
    path = tmp_path / "results.jsonl"
    with pytest.raises(OSError, match="No space left") as caught, replaced(path) as stream:
        filled(stream)
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_by_the_files_name(tmp_path: Path) -> None:
    """And not by that of a temporary one."""
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "gone" / "file", b"x")
    assert caught.value.filename == str(tmp_path / "gone" / "file")


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    """What is read while a file is written may be what fails."""
    with pytest.raises(FileNotFoundError) as caught, replaced(tmp_path / "file"):
        (tmp_path / "source").read_bytes()
    assert caught.value.filename == str(tmp_path / "source")


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """As `/dev/stdout` and `/dev/null`, which a file may not take the place of."""
    pipe, came = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write(pipe, b"text")
    reader.join(10)
    assert came == [b"text"]
    assert pipe.is_fifo()
