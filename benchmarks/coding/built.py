"""Images of bundled instances, built where they are needed."""

import hashlib
from collections.abc import Mapping

from kvv_action.benchmark import Image, Sandbox
from kvv_action.errors import SandboxError

ADVICE = "set base-image (KVV_BASE_IMAGE) to one that is here, with {}, and git or apt-get"


async def build(sandbox: Sandbox, name: str, files: Mapping[str, bytes], base_image: str, *, needs: str) -> Image:
    """The image, built unless the engine has it; its tag is the digest of what it is made from.

    Args:
        sandbox: builds it.
        name: of the image, without a tag.
        files: by name; one of them is the `Dockerfile`.
        base_image: what it is built from; empty for what the Dockerfile says.
        needs: what such an image must have, for the advice to the user.

    Raises:
        SandboxError: it cannot be built.
    """
    digest = hashlib.sha256(base_image.encode())
    for file, data in sorted(files.items()):
        digest.update(b"%s %d\n" % (file.encode(), len(data)) + data)
    arguments = {"BASE_IMAGE": base_image} if base_image else {}
    try:
        return await sandbox.build(f"{name}:{digest.hexdigest()[:12]}", files, arguments)
    except SandboxError as error:
        raise SandboxError(f"no image to work in; {ADVICE.format(needs)} ({error})") from error
