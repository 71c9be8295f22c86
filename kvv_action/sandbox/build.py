"""Builds an image from files in memory."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kvv_action.sandbox import archive
from kvv_action.sandbox.engine import Engine
from kvv_action.sandbox.labels import BUILD

if TYPE_CHECKING:
    from docker import APIClient

BUILDING = 1800
"""Seconds for one build."""
OUTPUT_LIMIT = 1000
"""Characters of the build's output that an error message shows."""


def recipe(files: Mapping[str, bytes], arguments: Mapping[str, str]) -> str:
    """The digest of the files and arguments that an image is built from."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return hashlib.sha256(json.dumps([digests, dict(arguments)], sort_keys=True).encode()).hexdigest()


async def build(engine: Engine, name: str, files: Mapping[str, bytes], arguments: Mapping[str, str]) -> None:
    """Build an image and tag it.

    Args:
        engine: the engine.
        name: the tag.
        files: the build context, with a `Dockerfile`.
        arguments: values of the `ARG`s in the `Dockerfile`.

    Raises:
        EngineError: the build failed; the message has the end of its output.
    """
    label = recipe(files, arguments)
    packed = archive.context(files)
    what = f"building the image {name}"
    await engine.call(what, lambda: _build(engine.client, name, packed, dict(arguments), label), seconds=BUILDING)


def _build(client: "APIClient", name: str, packed: bytes, arguments: dict[str, str], label: str) -> None:
    from docker.errors import DockerException

    output, event = "", Any
    for event in client.build(
        fileobj=io.BytesIO(packed), custom_context=True, tag=name, buildargs=arguments, labels={BUILD: label},
        rm=True, forcerm=True, decode=True,
    ):  # fmt: skip
        output = (output + str(event.get("stream", "")))[-OUTPUT_LIMIT:]
        if "error" in event:
            raise DockerException(f"{str(event['error'])[:OUTPUT_LIMIT]}; the output ends with: {output}")
