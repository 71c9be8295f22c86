"""nginx between kvv and a right server: what it does is told as such, and never as the model's doing."""

from pathlib import Path

import pytest

from tests.pipeline.command import vendor
from tests.servers.nginx import PROGRAM, nginx, upstream
from tests.servers.outcome import doctor, mistaken, smoke
from tests.servers.paced import paced

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(PROGRAM is None, reason="there is no nginx: apt-get install nginx-light"),
]

LOGIN = "<!doctype html><html><head><title>Sign in to ACME</title></head><body>login</body></html>"
MISTAKES = {
    "301 to https": ("return 301 https://$host$request_uri;", ("base-url:", "redirected to https://127.0.0.1")),
    "301 of a path": (
        "location /v1/ { return 301 /api$request_uri; }", ("redirected to http://127.0.0.1", "/api/v1"),
    ),
    "a login page": (f"default_type text/html; return 200 '{LOGIN}';", ("base-url:", "'Sign in to ACME'")),
    "the welcome page": ("root /usr/share/nginx/html;", ("base-url:", "a web page titled '404 Not Found'")),
    "a closed door": ("location / { deny all; }", ("base-url:", "a web page titled '403 Forbidden'")),
    "a password": (
        "auth_basic staff; auth_basic_user_file /dev/null;", ("api-key:", "a web page titled '401 Authorization Req"),
    ),
}  # fmt: skip
DOWN = {
    "502": ("location / { proxy_pass http://127.0.0.1:1; }", "502 Bad Gateway"),
    "503": ("location / { return 503; }", "503 Service Temporarily Unavailable"),
    "429": ("location / { return 429; }", "429 Too Many Requests"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_the_user(name: str, tmp_path: Path) -> None:
    """Told by the target of a redirect or the title of a page; nothing is said about the vendor."""
    lines, words = MISTAKES[name]
    with nginx(tmp_path, lines) as address:
        mistaken(doctor(f"{address}/v1"), *words)


@pytest.mark.parametrize("name", DOWN)
def test_what_stands_behind_is_down(name: str, tmp_path: Path) -> None:
    """Inconclusive, in nginx's words without its markup."""
    lines, title = DOWN[name]
    with nginx(tmp_path, lines) as address:
        assert doctor(f"{address}/v1").status == 3
        found = smoke(f"{address}/v1", tmp_path / "out")
    assert found.told == (3, "inconclusive", "")
    assert f"HTTP {name}: a web page titled '{title}'" in found.report["reason"]
    assert "<html>" not in found.ran.out + found.ran.err
    assert found.ran.out.count("run again") == found.ran.out.count("then run again")


def test_a_server_that_is_slower_than_nginx_waits(tmp_path: Path) -> None:
    """504 and cuts, each after a second: the timeout between client and model, not the server's errors."""
    slow = vendor("--fault", "slow=0.3", "--slow-seconds", 3)
    with slow as url, nginx(tmp_path, upstream(url, "proxy_read_timeout 1s;")) as address:
        found = smoke(f"{address}/v1", tmp_path / "out", "--max-connections", 4)
    assert found.told == (1, "fail", "delivery-timeout")
    assert "proxy_read_timeout" in found.ran.out


def test_a_server_that_nginx_never_waits_for(tmp_path: Path) -> None:
    """Nothing is answered: inconclusive, and delivery does not look good either."""
    with vendor("--latency", 3) as url, nginx(tmp_path, upstream(url, "proxy_read_timeout 1s;")) as address:
        found = smoke(f"{address}/v1", tmp_path / "out")
    assert found.told == (3, "inconclusive", "")
    assert found.report["delivery"]["broken"] > found.report["delivery"]["requests"] / 2


def test_bodies_that_nginx_refuses(tmp_path: Path) -> None:
    """The limit is named as the cause, with nginx's own option for it; its words are told without their markup."""
    with vendor() as url, nginx(tmp_path, upstream(url, "client_max_body_size 1k;")) as address:
        found = smoke(f"{address}/v1", tmp_path / "out")
    assert found.told == (1, "fail", "the-size-of-request-bodies-is-limited")
    (first,) = [line for line in found.ran.out.splitlines() if line.startswith("Do first: ")]
    assert "client_max_body_size" in first
    assert "HTTP 413: a web page titled '413 Request Entity Too Large'" in (tmp_path / "out" / "summary.md").read_text()


@pytest.mark.parametrize(("buffering", "first"), [("on", "stream-buffered"), ("off", "")])
def test_streams_through_a_buffer(buffering: str, first: str, tmp_path: Path) -> None:
    """nginx's own default is a warning, which fails nothing; without it nothing is said."""
    lines = f"proxy_buffering {buffering};"
    with vendor() as url, paced(url, comment=600) as slow, nginx(tmp_path, upstream(slow, lines)) as address:
        found = smoke(f"{address}/v1", tmp_path / "out")
    assert found.told == (0, "pass", first)
    assert found.warnings == ({first} if first else set())
