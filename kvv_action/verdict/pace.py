"""At what pace a streamed answer was written, where its times can tell that."""

from kvv_action.schema import Completion

FEWEST_TOKENS = 8
"""Tokens from which the speed of an answer says something."""
FEW = 8
"""Chunks that are too few to tell a pace."""
SLOW = 1.0
"""Seconds from which on an answer's pace is judged: a quick one tells nothing."""
LATE = 0.9
"""Share of the whole time after which a first token is late."""
FASTEST = 2000
"""Tokens a second that no deployment of such a model writes: what comes faster was written before. Without this, a
request that waited long in a queue would look held back."""


def held_back(answer: Completion, tokens: int) -> bool:
    """Whether so many tokens came all at once, at the end of a long wait."""
    rest = answer.total - answer.first_token
    return answer.total > SLOW and answer.first_token > LATE * answer.total and tokens > FASTEST * rest


def pace(answer: Completion) -> float | None:
    """Tokens a second from the first token on; None for short answers, and for streams that came in one piece."""
    counted = answer.tokens
    tokens = counted[1] if counted else 0
    rest = answer.total - answer.first_token
    told = answer.streamed and tokens >= FEWEST_TOKENS and answer.chunks >= FEW and rest > 0
    return tokens / rest if told and not held_back(answer, tokens) else None
