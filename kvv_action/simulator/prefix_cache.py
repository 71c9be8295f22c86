"""The prefix cache of the embedded vendor: how many tokens of a prompt stood at the beginning of an earlier one."""

from collections import OrderedDict
from dataclasses import replace

from kvv_action.simulator.call import Call
from kvv_action.simulator.tokens import prompt_tokens

LEAST = 512
"""Tokens of a prompt from which on it is cached; an answer to a shorter one says nothing of what came before."""
BLOCK = 64
"""Tokens that are cached together: what is told is a multiple of it."""
KEPT = 50_000
"""Beginnings of prompts that are remembered, each by its digest."""


class PrefixCache:
    """Remembers how prompts began; forgets the beginnings that were not used for longest."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, str], None] = OrderedDict()

    def tokens(self, call: Call, prompt: int) -> int:
        """Tokens of a prompt that are in the cache; all of it is there from now on.

        Args:
            call: what is asked; whole messages are found again.
            prompt: tokens of its prompt.
        """
        if prompt < LEAST or not call.cacheable:
            return 0
        # tools and thinking stand before the messages
        frame = repr((call.body.get("tools"), call.thinking, call.effort))
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
