"""nginx in front of another server, with the few lines of configuration that a test is about."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.servers.processes import free_port, running

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

_WHOLE = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port}{tls};
    location = /ready {{ return 204; }}
    {lines}
  }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, lines: str, *, tls: str = "") -> Iterator[str]:
    """Serve with these lines inside `server`; the address without a path, such as http://127.0.0.1:1234."""
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = _WHOLE.format(folder=folder, user=user, port=port, lines=lines, tls=tls)
    (folder / "nginx.conf").write_text(text)
    command = (PROGRAM, "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log")
    with running(command, folder / "nginx.log", f"http://127.0.0.1:{port}/ready"):
        yield f"http://127.0.0.1:{port}"


def upstream(url: str, *lines: str) -> str:
    """A location that passes everything to a server, given as http://host:port/v1."""
    address = url.removesuffix("/v1")
    return f"location / {{ proxy_pass {address}; {' '.join(lines)} }}"
