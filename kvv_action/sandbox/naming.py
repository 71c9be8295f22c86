"""Names of images: their full form, and where a mirror has them."""

from collections.abc import Mapping

HUB = "docker.io"


def full_name(name: str) -> str:
    """`ubuntu` -> `docker.io/library/ubuntu:latest`; ids (`sha256:...`) stay as they are."""
    if is_id(name):
        return name
    first, slash, _ = name.partition("/")
    if not (slash and ("." in first or ":" in first or first == "localhost")):
        name = f"{HUB}/{name}" if slash else f"{HUB}/library/{name}"
    tagged = "@" in name or ":" in name.rpartition("/")[2]
    return name if tagged else f"{name}:latest"


def is_id(name: str) -> bool:
    """Whether this is an image's id rather than its name."""
    return name.startswith("sha256:")


def mirrored(name: str, mirrors: Mapping[str, str]) -> str:
    """Where an image is really pulled from: the longest prefix that `mirrors` knows is exchanged.

    Args:
        name: as asked for.
        mirrors: from prefix to prefix, `docker.io` or `docker.io/swebench` to `mirror.example.com/hub`.
    """
    whole = full_name(name)
    for prefix in sorted(mirrors, key=len, reverse=True):
        if whole.startswith(prefix.rstrip("/") + "/"):
            return mirrors[prefix].rstrip("/") + whole[len(prefix.rstrip("/")) :]
    return name


def repository(name: str) -> str:
    """Without tag and digest, in the short form in which the engine lists digests."""
    bare = full_name(name).partition("@")[0]
    head, slash, last = bare.rpartition("/")
    bare = f"{head}{slash}{last.partition(':')[0]}"
    return bare.removeprefix(f"{HUB}/library/").removeprefix(f"{HUB}/")
