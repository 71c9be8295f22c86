"""Names of images: the full form, the mirror, the repository."""

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
    """Whether this is the id of an image, not a name."""
    return name.startswith("sha256:")


def mirrored(name: str, mirrors: Mapping[str, str]) -> str:
    """The name from which an image is pulled: the longest matching prefix is replaced by its mirror.

    Args:
        name: of the image.
        mirrors: prefix to prefix, such as `docker.io` or `docker.io/swebench` to `mirror.example.com/hub`.
    """
    whole = full_name(name)
    for prefix in sorted(mirrors, key=len, reverse=True):
        if whole.startswith(prefix.rstrip("/") + "/"):
            return mirrors[prefix].rstrip("/") + whole[len(prefix.rstrip("/")) :]
    return name


def repository(name: str) -> str:
    """The name without tag and digest, in the short form that the engine uses in lists of digests."""
    bare = full_name(name).partition("@")[0]
    head, slash, last = bare.rpartition("/")
    bare = f"{head}{slash}{last.partition(':')[0]}"
    return bare.removeprefix(f"{HUB}/library/").removeprefix(f"{HUB}/")
