"""Small OpenAI-compatible servers that know nothing of Kimi, on a thread of their own."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

import orjson
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.contextmanager
def served(handler: Handler) -> Iterator[str]:
    """Serve `/v1/chat/completions` by `handler`; the base URL."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()

    async def begin() -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ports.append(runner.addresses[0][1])
        ready.set()
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(begin())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        for unanswered in asyncio.all_tasks(loop):
            unanswered.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(unanswered)
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def completion(content: str, prompt: str = "") -> dict[str, object]:
    """A whole answer."""
    asked, said = len(prompt.split()) + 5, len(content.split()) + 1
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "stock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": usage,
    }


def events(content: str, prompt: str = "") -> bytes:
    """The same answer as a stream, a chunk a word."""
    whole = completion(content, prompt)
    deltas = [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in content.split())]
    chunks: list[dict[str, object]] = [
        {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    chunks.append({"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({"id": "1", "choices": [], "usage": whole["usage"]})
    return b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
