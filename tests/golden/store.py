"""How a golden folder is kept on disk, and what the command line makes of one."""

import difflib
import gzip
import hashlib
import io
import tarfile
import zlib
from pathlib import Path
from typing import Any

import orjson

from tests.pipeline.command import kvv

SCHEMA = Path(__file__).parent / "schema1"
RUNS, PAIRS, BUNDLES, PROFILES = (SCHEMA / name for name in ("runs", "pairs", "bundles", "profiles"))
PLAIN = ("report.json", "summary.md", "compare.json", "compare.md")
"""Kept as they are, so that a difference can be read; all other files of a folder go into one archive."""
PACKED, EXPECTED, RECORD = "files.tar.gz", "expected.json", "record.json"
RENDERED = ("junit.xml", "summary.md", "report.html", "manifest.json", "compare.md")
"""What `kvv render` writes again."""
BUNDLE = "evidence.tar.gz"
SETTLED = {"COLUMNS": "120", "NO_COLOR": "1"}
"""The environment in which tables are printed."""


Said = dict[str, Any]
"""How a command ended: `status`, `out` and `err`."""


def say(folder: Path, *arguments: object) -> Said:
    """Run a command in this process; `{folder}` stands for the folder in what it printed."""
    ran = kvv(*arguments)
    out, err = (text.replace(str(folder), "{folder}") for text in (ran.out, ran.err))
    return {"status": ran.status, "out": out, "err": err}


def keep(folder: Path, target: Path) -> None:
    """Store a folder that kvv wrote."""
    target.mkdir(parents=True)
    for name in PLAIN:
        if (folder / name).is_file():
            (target / name).write_bytes((folder / name).read_bytes())
    others = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in PLAIN)
    with gzip.GzipFile(target / PACKED, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in others:
            data = path.read_bytes()
            header = tarfile.TarInfo(path.relative_to(folder).as_posix())
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))


def extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Write all files; `TarFile.extractall` takes a filter from Python 3.11.4 on."""
    for member in tar:
        if (content := tar.extractfile(member)) is not None:
            (folder / member.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / member.name).write_bytes(content.read())


def unpacked(source: Path, folder: Path) -> Path:
    """The folder as kvv wrote it; returns `folder`."""
    folder.mkdir(parents=True)
    with tarfile.open(source / PACKED) as tar:
        extract(tar, folder)
    for name in PLAIN:
        if (source / name).is_file():
            (folder / name).write_bytes((source / name).read_bytes())
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def expected(source: Path) -> dict[str, Any]:
    """What the commands said when the folder was made."""
    found: dict[str, Any] = orjson.loads((source / EXPECTED).read_bytes())
    return found


def as_json(value: Any) -> bytes:
    """JSON in which a difference can be read."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def difference(wanted: bytes, found: bytes, lines: int = 40) -> str:
    """The first differing lines of two texts."""
    old, new = (data.decode(errors="replace").splitlines() for data in (wanted, found))
    return "\n".join(
        line[:300] for line in list(difflib.unified_diff(old, new, "golden", "now", lineterm="", n=1))[:lines]
    )


def audited(evidence: Path, folder: Path, report: bytes) -> Said:
    """`kvv audit` of a folder or a bundle, by the profile as it was on the day of the run.

    Args:
        evidence: the folder or the archive.
        folder: for which `{folder}` stands in what is printed.
        report: the run's.
    """
    profile = PROFILES / f"{orjson.loads(report)['plan']['profile']['name']}.toml"
    return say(folder, "audit", evidence, "--profile", profile)


def packed(folder: Path, archive: Path, *options: str) -> dict[str, Any]:
    """`kvv bundle` of a folder: what it said, and the digests of the archive and of all that is in it.

    Another build of zlib may compress to other bytes, so the digest of the archive counts for one version of zlib only;
    that of the tar in it counts everywhere.
    """
    ran = say(folder, "bundle", folder, "--out", archive, *options)
    if ran["status"]:
        return ran
    data = archive.read_bytes()
    return {
        "status": ran["status"],
        "header": data[:10].hex(),
        "tar": sha256(gzip.decompress(data)),
        "files": {name: sha256(content) for name, content in members(data).items()},
        "archive": {"zlib": zlib.ZLIB_RUNTIME_VERSION, "sha256": sha256(data)},
    }


def members(archive: bytes) -> dict[str, bytes]:
    """The files of a bundle."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
    return found


def submitted(evidence: Path, folder: Path) -> tuple[Said, bytes | None]:
    """A dry run of `kvv leaderboard submit`: how it ended, and the record that it would propose.

    The record names digest and size of the archive, which depend on zlib where it was packed just now, and its path
    holds a digest of the record. They are checked here, and words stand for them.

    Args:
        evidence: a bundle or a folder.
        folder: where the archive lies or is made.
    """
    options = ("--leaderboard-dry-run", "--leaderboard-allow-incomplete", "--leaderboard-vendor", "example")
    ran = say(folder, "leaderboard", "submit", evidence, "--leaderboard-repo", "example/leaderboard", *options)
    if ran["status"]:
        return ran, None
    bodies = [part for part in ran["out"].split("\n\n") if part.startswith("{")]
    (tree,) = [body for body in map(orjson.loads, bodies) if "base_tree" in body]
    path, text = tree["tree"][0]["path"], tree["tree"][0]["content"]
    last = ran["out"].splitlines()[-1]
    assert path.endswith(f"-{sha256(text.encode())[:12]}.json")
    assert last.endswith(path)
    said = {**ran, "out": last.replace(sha256(text.encode())[:12], "{digest}")}
    return said, _placeless(text, (folder / BUNDLE).read_bytes())


def _placeless(record: str, archive: bytes) -> bytes:
    bundle = orjson.loads(record)["evidence"]["bundle"]
    assert (bundle["sha256"], bundle["size"]) == (sha256(archive), len(archive))
    return record.replace(bundle["sha256"], "{digest}").replace(f'"size": {len(archive)}', '"size": "{size}"').encode()


def sha256(data: bytes) -> str:
    """Digest in hex."""
    return hashlib.sha256(data).hexdigest()
