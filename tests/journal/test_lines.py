"""Lines of long answers have the bytes that they would have if they were short."""

import orjson

from kvv_action.aside import LONG
from kvv_action.journal.lines import answer_line
from kvv_action.schema import Attempt, Completion, Exchange, Place, ToolCall

TEXT = 'The "quick" 人 fox\n\u2028 \\ 😀' * (LONG // 4)


def test_a_long_answer_is_written_like_a_short_one() -> None:
    """Texts that are turned into JSON in steps: content, reasoning and arguments, beside all other fields."""
    answer = Completion(
        content=TEXT, reasoning=TEXT[:-1], finish_reason="stop", usage={"prompt_tokens": 3}, streamed=True,
        tool_calls=(ToolCall(id="c", name="n", arguments=TEXT), ToolCall(id="d", name="n", arguments="{}")),
        anomalies=("no-done",), attempts=(Attempt(number=1, started=1.5, duration=2.5),),
    )  # fmt: skip
    place = Place(benchmark="b", sample="s", index=0, epoch=0)
    line = answer_line(place, Exchange(call=0, completion=answer), key="k", request="r")
    assert not isinstance(line["completion"], Completion)
    assert orjson.dumps(line) == orjson.dumps({**line, "completion": answer})
