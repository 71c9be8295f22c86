"""A small registry on 127.0.0.1, from which a real engine pulls: one tiny image under any name, and its troubles."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """What is served, and how.

    Args:
        seed: makes the image another one.

    Attributes:
        troubles: by repository, statuses with which its manifest is refused first, one a request.
        login: `user:password` that everybody must show; empty for none.
        asked: how often each repository's manifest was asked for.
    """

    def __init__(self, seed: str) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("seed")
            entry.size = len(seed)
            archive.addfile(entry, io.BytesIO(seed.encode()))
        layer = gzip.compress(buffer.getvalue(), mtime=0)
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(buffer.getvalue())]},
        }).encode()  # fmt: skip
        described = {
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config),
                       "digest": digest(config)},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": len(layer),
                        "digest": digest(layer)}],
        }  # fmt: skip
        self.manifest = json.dumps(described).encode()
        self.blobs = {digest(data): data for data in (layer, config)}
        self.troubles: dict[str, list[int]] = {}
        self.login = ""
        self.asked: Counter[str] = Counter()
        self.host = ""

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Status, type and body."""
        if self.login and authorization != "Basic " + base64.b64encode(self.login.encode()).decode():
            return 401, "application/json", b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
        if path == "/v2/":
            return 200, "application/json", b"{}"
        repository, kind, reference = path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "blobs":
            return 200, "application/octet-stream", self.blobs[reference]
        if reference.startswith("sha256:"):
            return 200, MANIFEST, self.manifest
        self.asked[repository] += 1
        if waiting := self.troubles.get(repository):
            status = waiting[0] if len(waiting) == 1 and waiting[0] == 404 else waiting.pop(0)
            code = {404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}.get(status, "UNKNOWN")
            return (
                status,
                "application/json",
                json.dumps({"errors": [{"code": code, "message": "in trouble"}]}).encode(),
            )
        return 200, MANIFEST, self.manifest


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """The registry, listening."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = registry.answer(self.path.partition("?")[0], self.headers.get("Authorization", ""))
            self.send_response(status)
            if status == 401:
                self.send_header("Www-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if kind == MANIFEST:
                self.send_header("Docker-Content-Digest", digest(body))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
