"""The prefix cache of the embedded vendor: how many tokens of a prompt stood at the beginning of an earlier one."""

from collections import OrderedDict
from dataclasses import replace

from kvv_action.simulator.call import Call
from kvv_action.simulator.fingerprint import fingerprint
from kvv_action.simulator.tokens import prompt_tokens

LEAST = 512
"""A prompt of fewer tokens is not cached, so that its answer does not depend on earlier requests."""
BLOCK = 64
"""Tokens that are cached together; the reported number is a multiple of it."""
KEPT = 50_000
"""Beginnings of prompts that are remembered, each by two digests."""


class PrefixCache:
    """Remembers how prompts began; forgets the beginnings that were not used for longest."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()

    def tokens(self, call: Call, prompt: int) -> int:
        """Count the tokens of a prompt that are in the cache, and put all of it there.

        Args:
            call: the request; only whole messages of it are found in the cache.
            prompt: all tokens of its prompt.
        """
        if prompt < LEAST or not call.cacheable:
            return 0
        # tools and thinking stand before the messages
        frame = fingerprint([call.body.get("tools"), call.thinking, call.effort]).whole
        names = [(digest, frame) for digest in call.fingerprint.beginnings]
        length = next((number for number in range(len(names), 0, -1) if names[number - 1] in self._known), 0)
        for name in names:
            self._known[name] = None
            self._known.move_to_end(name)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return _whole_blocks(prompt - _rest(call, length)) if length else 0


def _rest(call: Call, length: int) -> int:
    """Tokens of the messages behind the first `length`; at least one, from which an answer is computed."""
    body = {name: value for name, value in call.body.items() if name != "tools"}
    return max(1, prompt_tokens(replace(call, messages=call.messages[length:], body=body)))


def _whole_blocks(tokens: int) -> int:
    return max(0, tokens) // BLOCK * BLOCK
