"""What a user gets wrong ends at first contact, says what to do, and says nothing about the vendor."""

import asyncio
import gzip
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kvv_action.errors import UsageError
from kvv_action.github.api import GitHub
from tests.pipeline.command import Ran, kvv, report, vendor
from tests.pipeline.oddservers import (
    Answer,
    Asked,
    Certificate,
    OddServer,
    answered,
    certificate,
    http,
    listening,
    models,
    mute,
    page,
    refusal,
    routes,
    saying,
    served_by,
)

pytestmark = pytest.mark.pipeline

KEY = "sk-canary-7Kq3WzP9xYv2"
SOON = 3.0
"""Seconds in which a mistake is told where the network answers; the reading of a run's samples is beside them."""
H2 = bytes.fromhex("000012040000000000") + bytes(18)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate")


@pytest.fixture
def made(tmp_path: Path) -> Certificate:
    folder = tmp_path / "tls"
    folder.mkdir()
    return certificate(folder)


def run(url: str, out: Path, *arguments: object, model: str = "kimi-k2.6") -> Ran:
    """`kvv run` with samples that need no network; warmed up so that only first contact takes time."""
    return kvv(
        "run", "--base-url", url, "--model", model, "--profile", "kimi-k2.6", "--benchmarks", "aime2025",
        "--dataset", "aime2025=bundled", "--out", out, "--fail-on", "never", *arguments,
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Imports are done once."""
    run("http://127.0.0.1:1/v1", tmp_path_factory.mktemp("warm"))


def mistaken(url: str, out: Path, *words: str, model: str = "kimi-k2.6", sent: OddServer | None = None) -> str:
    """One sentence with these words and exit 2, soon, whatever fail-on says; no file about the vendor is left."""
    began = time.monotonic()
    ran = run(url, out, model=model)
    assert ran.status == 2, ran.out + ran.err
    assert time.monotonic() - began < SOON
    (told,) = [line for line in ran.err.splitlines() if line.startswith("kvv: ")]
    for word in words:
        assert word in told
    assert list(out.iterdir()) == []
    assert ran.out == ""
    for status in ("HTTP 400: HTTP", "HTTP 404: HTTP", "HTTP 401: HTTP"):
        assert status not in told
    assert sent is None or (len(sent.asked) <= 3 and sent.chats <= 1)
    return told


REFUSALS: dict[str, tuple[Answer, tuple[str, ...]]] = {
    "401": (routes(refusal(401, "Incorrect API key provided."), refusal(401, "Incorrect API key provided.")),
            ("api-key:", "HTTP 401: Incorrect API key provided", "KVV_API_KEY")),
    "401 in gzip": (
        lambda _: http(401, gzip.compress(b'{"error":"Bad key"}'), "Content-Encoding: gzip"), ("api-key:", "Bad key")),
    "200 with a vendor's code": (
        routes(models("kimi-k2.6"), http(200, {"base_resp": {"code": 1008, "status_msg": "insufficient balance"}})),
        ("api-key:", "no quota or balance", "insufficient balance")),
    "403": (routes(models("kimi-k2.6"), refusal(403, "Forbidden")), ("api-key:", "HTTP 403: Forbidden")),
    "400 of LiteLLM": (routes(refusal(400, "No connected db."), refusal(400, "No connected db.")),
                       ("api-key:", "No connected db")),
    "500 with words": (routes(http(500, "x"), refusal(500, "Authentication Error, Invalid proxy server token passed")),
                       ("api-key:", "Authentication Error")),
    "200 with an error": (routes(models("kimi-k2.6"), http(200, {"error": {"message": "Invalid API key"}})),
                          ("api-key:", "Invalid API key")),
    "402": (routes(models("kimi-k2.6"), refusal(402, "Insufficient Balance")),
            ("api-key:", "no quota or balance", "Insufficient Balance")),
    "429 of a quota": (routes(models("kimi-k2.6"), refusal(429, "You exceeded your plan", code="insufficient_quota")),
                       ("api-key:", "no quota or balance", "You exceeded your plan")),
    "429 in another wording": (
        routes(models("kimi-k2.6"), refusal(429, "Your account org-1 <ak-1> is suspended, please check your billing")),
        ("api-key:", "is suspended")),
    "404 of a model": (routes(models("Kimi-K2.6-Instruct", "other"), refusal(404, "The model `k` does not exist.")),
                       ("model:", "lists Kimi-K2.6-Instruct, other", "Did you mean 'Kimi-K2.6-Instruct'?")),
    "400 of a model": (routes(models("moonshotai/Kimi-K2.6"), refusal(400, "Invalid model name passed in model=k")),
                       ("model:", "Did you mean 'moonshotai/Kimi-K2.6'?")),
    "404 without a word": (routes(models("kimi-k2.5"), http(404, "")), ("model:", "HTTP 404", "it lists kimi-k2.5")),
    "503 of a gateway's channel": (
        routes(models(), refusal(503, "No available channel for model kimi-k2.6", code="model_not_found")),
        ("model:", "No available channel")),
    "a page with 200": (lambda _: page(200, "Sign in &amp; go"), ("base-url:", "a web page titled 'Sign in & go'")),
    "a page with 404": (lambda _: page(404, "404 Not Found"), ("base-url:", "a web page titled '404 Not Found'")),
    "a page with 403": (lambda _: page(403, "Attention Required!"), ("base-url:", "titled 'Attention Required!'")),
    "another service's JSON": (lambda _: http(200, {"status": "ok"}), ("base-url:", "is no chat API", "no choices")),
    "another service's array": (lambda _: http(200, [1, 2]), ("base-url:", "is no chat API", "an array")),
    "nothing but 200": (lambda _: http(200, ""), ("base-url:", "is no chat API")),
    "a word": (lambda _: http(200, "OK", kind="text/plain"), ("base-url:", "is no chat API")),
    "204": (lambda _: http(204, ""), ("base-url:", "is no chat API")),
    "405 of a file server": (lambda asked: http(405 if asked[0] == "POST" else 404, ""), ("base-url:", "HTTP 405")),
    "a redirect": (lambda asked: http(301, "", f"Location: https://api.example.com{asked[1]}?token=t0k3n"),
                   ("base-url:", "redirected to https://api.example.com", "set base-url to https://api.example.com/v1")),
    "a login's redirect": (lambda _: http(302, "", "Location: https://sso.example.com/login?next=t0k3n"),
                           ("base-url:", "redirected to https://sso.example.com")),
    "a redirect with a page": (
        lambda asked: http(308, "<html><head><title>308 Permanent Redirect</title></head></html>",
                           f"Location: https://api.example.com{asked[1]}", kind="text/html"),
        ("base-url:", "redirected to https://api.example.com", "set base-url to https://api.example.com/v1")),
    "426": (lambda _: http(426, "", "Upgrade: h2c"), ("base-url:", "another protocol than HTTP/1.1")),
    "http at nginx's TLS port": (
        lambda _: page(400, "400 The plain HTTP request was sent to HTTPS port"),
        ("base-url:", "speaks TLS", "set base-url to https://127.0.0.1")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_that_is_the_users(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, quota, model, address: the endpoint's own words, and what to set."""
    monkeypatch.setenv("KVV_API_KEY", KEY)
    answer, words = REFUSALS[name]
    with served_by(answer) as server:
        told = mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, *words, sent=server)
    assert "t0k3n" not in told


def test_no_key_is_set(tmp_path: Path) -> None:
    """Not a wrong one: there is none."""
    with served_by(lambda _: refusal(401, "Missing bearer")) as server:
        told = mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "No API key is set", "Set KVV_API_KEY")
    assert "Missing bearer" in told


def test_a_gateway_that_crashes_without_a_key(tmp_path: Path) -> None:
    """With any key it says what it wants; a server that is broken says the same as before."""

    def answer(asked: Asked) -> bytes:
        crash = http(500, "Internal Server Error", kind="text/plain")
        return refusal(400, "No connected db.") if b"authorization: bearer" in server.heads[-1] else crash

    with served_by(answer) as server:
        mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "No API key is set", "No connected db", sent=server)


def test_a_key_that_is_echoed_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the words of a refusal; control characters in them are shown, not sent to the terminal."""
    monkeypatch.setenv("KVV_API_KEY", KEY)
    with served_by(lambda _: refusal(401, f"wrong: {KEY} \x1b[31m" + "x" * 9000)) as server:
        told = mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "wrong: ***")
    assert KEY not in told
    assert "\x1b" not in told
    assert len(told) < 1000


@pytest.mark.parametrize("given", ["", "/v1/models", "/v1/chat"])
def test_a_forgotten_version(given: str, tmp_path: Path) -> None:
    """One more GET finds where the API is."""
    with served_by(routes(models("kimi-k2.6"), answered)) as server:
        root = f"http://127.0.0.1:{server.port}"
        mistaken(f"{root}{given}", tmp_path, "base-url:", f"set base-url to {root}/v1.")
        assert server.chats == 1
        assert run(f"{root}/v1", tmp_path).status != 2, "the corrected command uses the same folder"


@needs_openssl
def test_http_on_an_https_port(tmp_path: Path, made: Certificate) -> None:
    """It hangs up without a word; asked over TLS it answers."""
    with served_by(routes(models("kimi-k2.6"), answered), tls=made.context()) as server:
        out = tmp_path / "out"
        mistaken(f"http://127.0.0.1:{server.port}/v1", out, f"set base-url to https://127.0.0.1:{server.port}/v1")


def test_http_on_a_port_that_sends_an_alert(tmp_path: Path) -> None:
    """OpenSSL's own servers say so in TLS."""
    with listening(lambda server: saying(b"\x15\x03\x01\x00\x02\x02\x46", server)) as server:
        mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "base-url:", "speaks TLS", "https://")


def test_https_on_an_http_port(tmp_path: Path) -> None:
    """The answer to a handshake is text."""
    with listening(lambda server: saying(http(400, ""), server)) as server:
        mistaken(f"https://127.0.0.1:{server.port}/v1", tmp_path, "does not speak TLS", "http://")


@needs_openssl
def test_a_certificate_of_ones_own(tmp_path: Path, made: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that makes it trusted is named, and with it the endpoint is asked."""
    out = tmp_path / "out"
    with served_by(routes(models("kimi-k2.6"), answered), tls=made.context()) as server:
        mistaken(f"https://127.0.0.1:{server.port}/v1", out, "self-signed certificate", "set SSL_CERT_FILE")
        monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
        assert run(f"https://127.0.0.1:{server.port}/v1", out).status != 2


@needs_openssl
def test_a_certificate_of_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trusted, but not for this address."""
    folder, out = tmp_path / "tls", tmp_path / "out"
    folder.mkdir()
    made = certificate(folder, "api.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    with served_by(routes(models("kimi-k2.6"), answered), tls=made.context()) as server:
        told = mistaken(f"https://127.0.0.1:{server.port}/v1", out, "the certificate is not accepted", "127.0.0.1")
    assert "name the host that it is made for" in told
    assert "SSL_CERT_FILE" not in told
    assert "'.)" not in told


def test_authorities_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is missing, one without certificates, and a damaged one; the reason is said in words."""
    begun = "-----BEGIN CERTIFICATE-----\nabc"
    for name, content, why in (
        ("missing.pem", None, "No such file or directory"),
        ("junk.pem", "hello", "there is no certificate in it"),
        ("cut.pem", begun, "a certificate in it is damaged"),
    ):
        file = tmp_path / name
        if content is not None:
            file.write_text(content)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        told = f"It must be a readable file of certificates in PEM format ({why})."
        mistaken("https://127.0.0.1:1/v1", tmp_path / "out", f"SSL_CERT_FILE: {str(file)!r}", told)
        with pytest.raises(UsageError) as found:
            GitHub(url="https://api.github.example", token="t")
        assert why in str(found.value)


def test_a_refusal_that_never_ends(tmp_path: Path) -> None:
    """Its status and the words that came are enough."""
    head = b"HTTP/1.1 401 X\r\nContent-Length: 900\r\n\r\nBad key"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(head)
        await mute(reader, writer)

    with listening(lambda _: talk) as server:
        mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "No API key is set", "HTTP 401: Bad key")


def test_http_2_only(tmp_path: Path) -> None:
    """The first frame gives it away."""
    with listening(lambda server: saying(H2, server)) as server:
        mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "HTTP/2 only")


def test_a_port_that_is_no_http(tmp_path: Path) -> None:
    """A database, a mail server, SSH."""
    with listening(lambda server: saying(b"SSH-2.0-OpenSSH_9.6\r\n", server, first=True)) as server:
        mistaken(f"http://127.0.0.1:{server.port}/v1", tmp_path, "does not speak HTTP", "SSH-2.0-OpenSSH_9.6")


def test_a_host_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is repeated."""
    missing = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(socket, "getaddrinfo", _raising(missing))
    mistaken("http://api.exmaple.invalid/v1", tmp_path, "there is no host named api.exmaple.invalid")


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


PROXIES: dict[str, tuple[Answer | None, str, tuple[str, ...]]] = {
    "that is not there": (None, "http", ("cannot be reached",)),
    "that wants a login": (lambda _: http(407, ""), "http", ("HTTP 407",)),
    "that wants a login for a tunnel": (lambda _: http(407, ""), "https", ("HTTP 407",)),
    "that refuses": (lambda _: page(403, "Blocked by policy"), "http", ("Blocked by policy",)),
    "that refuses a tunnel": (lambda _: http(403, ""), "https", ("HTTP 403",)),
}


@pytest.mark.filterwarnings(
    "ignore:BasicAuth is deprecated", "ignore:The 'proxy_auth' parameter"
)  # httpx-aiohttp's way
@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with its variable and its address, without its credentials, and so is the way around it."""
    answer, scheme, words = PROXIES[name]
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with served_by(answer or routes(http(404), http(404))) as server:
        port = server.port if answer else 1
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:s3cr3t@127.0.0.1:{port}")
        named = (f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{port}", "NO_PROXY=vendor.example")
        told = mistaken(f"{scheme}://vendor.example/v1", tmp_path, *named, *words)
    assert "s3cr3t" not in told


def test_a_second_mistake_leaves_an_earlier_run_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped goes on when the key is right again; the mistake between adds nothing to its journal."""
    key_is_good = [True]

    def answer(asked: tuple[str, str, bytes]) -> bytes:
        good = routes(models("kimi-k2.6"), answered)
        return good(asked) if key_is_good[0] else refusal(401, "expired")

    with served_by(answer) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        run(url, tmp_path, "--max-requests", 10)
        before = (tmp_path / "journal.jsonl").read_bytes()
        key_is_good[0] = False
        ran = run(url, tmp_path, "--max-requests", 100)
        assert (ran.status, (tmp_path / "journal.jsonl").read_bytes()) == (2, before)
        key_is_good[0] = True
        assert run(url, tmp_path, "--max-requests", 100).status != 2


def test_a_silent_host_is_down_after_one_connect_timeout(tmp_path: Path) -> None:
    """It takes the connection and says nothing."""
    with listening(lambda _: mute) as server:
        began = time.monotonic()
        ran = kvv("run", "--base-url", f"http://127.0.0.1:{server.port}/v1", "--model", "kimi-k2.6",
                  "--benchmarks", "aime2025", "--dataset", "aime2025=bundled", "--out", tmp_path,
                  "--connect-timeout", "1")  # fmt: skip
        assert time.monotonic() - began < 1 + SOON
    assert ran.status == 3
    _is_down(tmp_path)


def test_a_closed_port_is_down(tmp_path: Path) -> None:
    """Exit 3, nothing judged, and the same command goes on when it is up."""
    with _closed() as port:
        ran = kvv("doctor", "--base-url", f"http://127.0.0.1:{port}/v1", "--model", "m")
        assert (ran.status, "is down" in ran.out) == (3, True)
        began = time.monotonic()
        assert run(f"http://127.0.0.1:{port}/v1", tmp_path, "--fail-on", "inconclusive").status == 3
        assert time.monotonic() - began < SOON
    _is_down(tmp_path)


def _is_down(out: Path) -> None:
    found = report(out)
    assert (found["verdict"], found["state"], found["usage"]["requests"]) == ("inconclusive", "stopped", 0)
    assert found["reason"].startswith("The endpoint is down: nothing was answered (")
    assert kvv("audit", out).status == 0


@contextmanager
def _closed() -> Iterator[int]:
    with socket.socket() as bound:  # bound, and nobody listens
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


OVERLOADED: dict[str, bytes] = {
    "a rate limit": refusal(429, "Rate limit reached for requests; see https://example.com/settings/billing"),
    "a gateway without a server": page(502, "502 Bad Gateway"),
    "a crash": http(500, "Internal Server Error", kind="text/plain"),
}


@pytest.mark.parametrize("name", OVERLOADED)
def test_an_overloaded_endpoint_is_inconclusive_and_not_down(name: str, tmp_path: Path) -> None:
    """It answers, so it is not down; nothing is judged."""
    with served_by(lambda _: OVERLOADED[name]) as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        quick = ("--retry-attempts", 1, "--fail-on", "inconclusive")
        assert run(url, tmp_path, *quick).status == 3
        ran = kvv("doctor", "--base-url", url, "--model", "kimi-k2.6")
    found = report(tmp_path)
    assert (found["verdict"], found["state"]) == ("inconclusive", "stopped")
    assert "is down" not in found["reason"]
    assert (ran.status, "is down" in ran.out) == (3, False)


LISTS: dict[str, bytes] = {
    "none": http(404, ""),
    "empty": models(),
    "of others": models("gpt-9", "gpt-10"),
    "no list": http(200, "hello", kind="text/plain"),
    "refused": refusal(401, "No key for you"),
    "broken": http(500, ""),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_list_alone_condemns_nobody(name: str, tmp_path: Path) -> None:
    """Where the plain request works the run goes on, with a warning."""
    with served_by(routes(LISTS[name], answered)) as server:
        ran = kvv("doctor", "--base-url", f"http://127.0.0.1:{server.port}/v1", "--model", "kimi-k2.6")
        assert (ran.status, "Note: " in ran.out) == (0, True), ran.out
        told = run(f"http://127.0.0.1:{server.port}/v1", tmp_path)
    assert "first contact: " in told.err
    assert report(tmp_path)["usage"]["requests"] > 0


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "This model's maximum context length is 16 tokens; the parameter is invalid",
        "thinking must be enabled for this request",
    ],
)
def test_a_refused_request_is_left_to_the_run(message: str, tmp_path: Path) -> None:
    """It may be the vendor's defect, so it is no mistake."""
    with served_by(routes(models("kimi-k2.6"), refusal(400, message))) as server:
        ran = run(f"http://127.0.0.1:{server.port}/v1", tmp_path)
    assert "first contact: the plain request failed (HTTP 400: " in ran.err
    assert ran.status == 0, "fail-on: never"
    assert report(tmp_path)["usage"]["requests"] > 2


def test_a_broken_answer_of_an_api_is_left_to_the_run(tmp_path: Path) -> None:
    """It lists models, or it has no list: what breaks may be the vendor's."""
    for number, listing in enumerate((models("kimi-k2.6"), http(404, ""))):
        with served_by(routes(listing, http(200, {"status": "ok"}))) as server:
            quick = ("--retry-attempts", 1, "--precheck", "off")
            assert run(f"http://127.0.0.1:{server.port}/v1", tmp_path / str(number), *quick).status == 0
        assert report(tmp_path / str(number))["usage"]["requests"] > 0


def test_a_good_endpoint_goes_on(tmp_path: Path) -> None:
    """Two requests, kept in the session and counted in the budget, that are no samples."""
    with vendor() as url:
        ran = run(url, tmp_path)
        assert ran.status == 0
        assert kvv("doctor", "--base-url", url, "--model", "kimi-k2.6").status == 0
    assert "first contact" not in ran.err
    session = (tmp_path / "journal.jsonl").read_text().splitlines()[0]
    assert '"contact":{"requests":2,"prompt":' in session
    assert kvv("audit", tmp_path).status == 0


def test_doctor_needs_an_address_and_a_model() -> None:
    """Both are named at once."""
    ran = kvv("doctor")
    assert ran.status == 2
    assert "kvv: base-url: Required" in ran.err
    assert "kvv: model: Required" in ran.err


def test_one_text_for_every_refusal_is_the_cause_once(tmp_path: Path) -> None:
    """Two benchmarks, one sentence."""
    with served_by(routes(models("kimi-k2.6"), refusal(400, "enable_thinking must be false"))) as server:
        run(f"http://127.0.0.1:{server.port}/v1", tmp_path, "--precheck", "off",
            "--benchmarks", "aime2025,ocrbench", "--dataset", "ocrbench=bundled")  # fmt: skip
    reason = report(tmp_path)["reason"]
    assert reason.startswith("the endpoint refused all ")
    assert reason.count("enable_thinking must be false") == 1
    assert "HTTP 400: HTTP 400" not in (tmp_path / "report.json").read_text()
