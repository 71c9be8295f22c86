"""Routes, keys, models and shutting down."""

import asyncio
import time

import httpx
import pytest

from kvv_action.errors import UsageError
from kvv_action.simulator import EmbeddedVendor, VendorOptions
from tests.simulator.visitor import MODEL, Serve, fake_profile, user


async def test_models(serve: Serve) -> None:
    """The list of models names the one that is served."""
    visitor = await serve()
    listed = (await visitor.client.get("/models")).json()
    assert [entry["id"] for entry in listed["data"]] == [MODEL]


@pytest.mark.parametrize(("method", "path"), [("GET", "/chat/completions"), ("POST", "/models"), ("GET", "/x")])
async def test_other_routes(serve: Serve, method: str, path: str) -> None:
    """Any other method or path is a 404 in JSON."""
    visitor = await serve()
    response = await visitor.client.request(method, path)
    assert response.status_code == 404
    assert path in response.json()["error"]["message"]


async def test_unknown_model(serve: Serve) -> None:
    """A model that is not served is refused as the official API refuses it."""
    visitor = await serve()
    response = await visitor.post(model="other")
    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "message": "Not found the model other or Permission denied",
            "type": "resource_not_found_error",
        }
    }


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b'{"model": "\\ud800"}', b"\xff"])
async def test_malformed_body(serve: Serve, body: bytes) -> None:
    """A body that is not a JSON object is a 400."""
    visitor = await serve()
    response = await visitor.client.post("/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_keys(serve: Serve) -> None:
    """With a key set, other keys get 401 at every route; without one, everyone is let in."""
    locked = await serve(api_key="sk-right")
    for response in (await locked.post(), await locked.client.get("/models")):
        assert response.status_code == 401
        assert response.json()["error"]["type"] == "invalid_authentication_error"
    locked.client.headers["Authorization"] = "Bearer sk-right"
    assert (await locked.post()).status_code == 200
    del (open_door := await serve()).client.headers["Authorization"]
    assert (await open_door.post()).status_code == 200


async def test_key_is_not_printed() -> None:
    """The options do not show the key."""
    assert "sk-right" not in repr(VendorOptions(profile=fake_profile(), model=MODEL, api_key="sk-right"))


async def test_counts_requests(serve: Serve) -> None:
    """Every HTTP request is counted."""
    visitor = await serve()
    await visitor.post()
    await visitor.client.get("/models")
    assert visitor.vendor.requests == 2


async def test_port_in_use(serve: Serve) -> None:
    """A taken port is explained, not a traceback."""
    visitor = await serve()
    second = EmbeddedVendor(visitor.vendor.options, port=visitor.vendor.port)
    with pytest.raises(UsageError, match="port"):
        await second.__aenter__()


async def test_large_request(serve: Serve) -> None:
    """Bodies above aiohttp's usual megabyte are read."""
    visitor = await serve()
    response = await visitor.post("word " * 600_000)
    assert response.json()["usage"]["prompt_tokens"] == 600_004


async def test_equal_requests_equal_bytes(serve: Serve) -> None:
    """The same request gets the same bytes, from another vendor too."""
    first, second = await serve(), await serve()
    assert (await first.post()).content == (await first.post()).content == (await second.post()).content


async def test_latency(serve: Serve) -> None:
    """Latency passes before an answer, streamed or not."""
    visitor = await serve(latency=0.1)
    for stream in (False, True):
        assert (await visitor.post(stream=stream)).elapsed.total_seconds() >= 0.1


async def test_answers_are_written_at_a_speed(serve: Serve) -> None:
    """A stream comes piece by piece from its first token on, a document when it is complete."""
    visitor = await serve(tokens_per_second=200.0)
    document = await visitor.post()
    seconds = document.json()["usage"]["completion_tokens"] / 200
    assert seconds >= 0.05
    assert seconds <= document.elapsed.total_seconds() < seconds + 2
    body = {"model": MODEL, "stream": True, "messages": [user("Hello")]}
    began, came = time.monotonic(), list[float]()
    async with visitor.client.stream("POST", "/chat/completions", json=body) as response:
        async for _ in response.aiter_raw():
            came.append(time.monotonic() - began)
    assert len(came) > 3
    assert came[0] < seconds <= came[-1]


async def test_many_at_once(serve: Serve) -> None:
    """Connections are served side by side: a hundred slow answers take as long as one."""
    visitor = await serve(latency=0.5)
    async with asyncio.timeout(25):
        responses = await asyncio.gather(*(visitor.post(f"Hello {number}") for number in range(100)))
    assert {response.status_code for response in responses} == {200}


async def test_shutdown_does_not_wait_for_idle_connections() -> None:
    """A client that keeps its connection does not hold the vendor up."""
    async with httpx.AsyncClient(verify=False) as client:
        async with EmbeddedVendor(VendorOptions(profile=fake_profile(), model=MODEL)) as vendor:
            assert (await client.get(f"{vendor.base_url}/models")).status_code == 200
            end = asyncio.timeout(20)
            await end.__aenter__()
        await end.__aexit__(None, None, None)
