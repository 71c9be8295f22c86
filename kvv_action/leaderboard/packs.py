"""The reference packs that a leaderboard serves, in `references/<model>/`: only they judge its records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kvv_action.errors import KvvError
from kvv_action.folders import files_below
from kvv_action.leaderboard.fields import Slug
from kvv_action.plan.reference_pack import LARGEST, ReferencePack, parse
from kvv_action.report.text import visible

REFERENCES = "references"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPack:
    """A pack of the repository; `path` is its place there, and on the site."""

    path: str
    model: Slug
    data: bytes
    pack: ReferencePack


def served(root: Path) -> Mapping[str, ServedPack]:
    """Every pack of a checkout, by the digest of its file.

    Raises:
        KvvError: a file is no pack, or one of another model than its folder's; links are never followed.
    """
    found = [_served(root, path) for path in files_below(root / REFERENCES)]
    return {one.pack.digest: one for one in found}


def _served(root: Path, path: Path) -> ServedPack:
    where = path.relative_to(root).as_posix()
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        raise KvvError(f"{visible(where)}: is no regular file of at most {LARGEST} bytes")
    data = path.read_bytes()
    pack, model = parse(data, visible(where)), path.parent.name
    if path.parent.parent != root / REFERENCES or pack.profile != model or pack.demonstration:
        raise KvvError(f"{visible(where)}: a pack of {visible(pack.profile)} lies in {REFERENCES}/{pack.profile}/")
    return ServedPack(path=where, model=model, data=data, pack=pack)
