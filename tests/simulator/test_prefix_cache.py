"""The embedded vendor reports as cached the messages with which an earlier prompt began as well."""

from kvv_action.schema import Json
from kvv_action.simulator.prefix_cache import BLOCK
from kvv_action.simulator.tokens import conversation_tokens
from tests.simulator.visitor import CLOCK, Serve, Visitor

HISTORY = [{"role": role, "content": f"{role} {number} " + "said something " * 40}
           for number in range(4) for role in ("user", "assistant")]  # fmt: skip


def asked(text: str) -> list[Json]:
    """The history and a question about it."""
    return [*HISTORY, {"role": "user", "content": text}]


async def cached(visitor: Visitor, messages: list[Json], **more: Json) -> int:
    """Cached tokens by the usage of an answer."""
    usage = (await visitor.post(messages=messages, **more)).json()["usage"]
    assert 0 <= usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    return int(usage["prompt_tokens_details"]["cached_tokens"])


async def test_questions_about_one_history_find_it_cached(serve: Serve) -> None:
    """The history is cached up to its last whole block; after one more turn, the earlier question is cached too."""
    visitor, whole = await serve(), conversation_tokens(HISTORY)
    assert await cached(visitor, asked("Who was it?")) == 0
    assert await cached(visitor, asked("When was it?")) == whole // BLOCK * BLOCK
    more = [*asked("Who was it?"), {"role": "assistant", "content": "Me."}, {"role": "user", "content": "When?"}]
    expected = conversation_tokens(asked("Who was it?")) // BLOCK * BLOCK
    assert await cached(visitor, more) == expected


async def test_another_beginning_is_not_cached(serve: Serve) -> None:
    """Nothing is cached without the first messages, behind another first message, or behind tools."""
    visitor = await serve()
    assert await cached(visitor, asked("Who?")) == 0
    assert await cached(visitor, asked("Who?")[2:]) == 0
    assert await cached(visitor, [{"role": "system", "content": "Be kind."}, *asked("Who?")]) == 0
    assert await cached(visitor, asked("When?"), tools=[CLOCK]) == 0
    assert (
        await cached(visitor, asked("Where?"), tools=[CLOCK]) == conversation_tokens(HISTORY, [CLOCK]) // BLOCK * BLOCK
    )


async def test_short_prompts_and_a_vendor_without_a_cache(serve: Serve) -> None:
    """Neither reports a cached token."""
    visitor = await serve()
    for _ in range(2):
        assert await cached(visitor, asked("Who?")[-2:]) == 0
    without = await serve("prefix-cache-off")
    for question in ("Who?", "When?"):
        assert await cached(without, asked(question)) == 0
