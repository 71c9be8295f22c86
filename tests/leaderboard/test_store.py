"""The repository as a folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.leaderboard.record import Record, RecordError, Trust, dump, path_of
from kvv_action.leaderboard.store import Confirmation, confirmation_path, dump_confirmation, entries
from kvv_action.report.files import sha256
from tests.leaderboard.records import record
from tests.pipeline.command import kvv


def keep(root: Path, found: Record) -> Path:
    """Write a record where it belongs."""
    path = root / path_of(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dump(found))
    return path


def confirm(root: Path, found: Record, **changes: object) -> None:
    """Write a maintainer's confirmation."""
    whole = Confirmation(
        schema_version=1, sha256=sha256(dump(found)), trust=Trust.RE_RUN, by="maintainer", date="2026-01-02"
    )
    path = root / confirmation_path(path_of(found))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dump_confirmation(replace(whole, **changes)))  # type: ignore[arg-type]


def test_records_come_by_path(tmp_path: Path) -> None:
    """All of them, each self-reported until a maintainer says more."""
    first, second = record(), record(reason="another")
    for one in (first, second):
        keep(tmp_path, one)
    found = list(entries(tmp_path))
    assert [one.path for one in found] == sorted([path_of(first), path_of(second)])
    assert {one.verified for one in found} == {Trust.SELF_REPORTED}


def test_maintainers_confirm_beside_the_record(tmp_path: Path) -> None:
    """The claim stays as it was; the verified tier is theirs."""
    keep(tmp_path, record())
    confirm(tmp_path, record())
    (found,) = entries(tmp_path)
    assert (found.record.trust, found.verified) == (Trust.SELF_REPORTED, Trust.RE_RUN)


def test_a_confirmation_of_another_content_is_an_error(tmp_path: Path) -> None:
    """It names the digest of what it confirms."""
    keep(tmp_path, record())
    confirm(tmp_path, record(), sha256="0" * 64)
    with pytest.raises(RecordError, match="another content"):
        list(entries(tmp_path))


def test_a_record_in_another_place_is_an_error(tmp_path: Path) -> None:
    """A file's place follows from its content."""
    path = keep(tmp_path, record())
    path.rename(path.with_name("20260101-000000000000.json"))
    with pytest.raises(RecordError, match="belongs to results/acme"):
        list(entries(tmp_path))


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link is no record, wherever it leads."""
    path = keep(tmp_path, record())
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(RecordError, match="not a regular file"):
        list(entries(tmp_path))


def test_an_empty_repository_has_no_entries(tmp_path: Path) -> None:
    """Nothing is nothing."""
    assert list(entries(tmp_path)) == []


def test_maintainers_confirm_by_command(tmp_path: Path) -> None:
    """The file is what the store reads."""
    path = keep(tmp_path, record())
    ran = kvv("leaderboard", "confirm", path, "--root", tmp_path, "--trust", "attested", "--by", "Ada")
    assert (ran.status, ran.out) == (0, f"{confirmation_path(path_of(record()))}: attested\n")
    (found,) = entries(tmp_path)
    assert found.verified is Trust.ATTESTED


@pytest.mark.parametrize("name", ["", "a\nb"])
def test_a_confirmation_is_of_one_line(tmp_path: Path, name: str) -> None:
    """An empty name is one; a line break is none."""
    path = keep(tmp_path, record())
    ran = kvv("leaderboard", "confirm", path, "--root", tmp_path, "--trust", "attested", "--by", name)
    assert ran.status == (2 if name else 0)


def test_only_a_record_is_confirmed(tmp_path: Path) -> None:
    """Below the root, in its place."""
    path = keep(tmp_path, record())
    for wrong in (tmp_path / "nothing.json", path.rename(path.with_name("other.json")), Path("/etc/passwd")):
        assert kvv("leaderboard", "confirm", wrong, "--root", tmp_path, "--trust", "re-run", "--by", "A").status == 2
