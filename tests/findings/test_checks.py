"""What the checks see in single answers: many instances of each kind, and what looks like one and is none."""

from collections.abc import Mapping
from typing import Any

import pytest

from kvv_action.verdict.checks.calls import repeated
from kvv_action.verdict.checks.damage import is_cumulative, is_doubled, looped, repeated_words
from kvv_action.verdict.checks.identity import family, normal
from tests.findings.answers import calling, counted, signs

PROSE = "The capital of Norway is Oslo, and its harbour opens to the south. It was founded about 1040."
CHINESE = "挪威的首都是奥斯陆，它的港口朝南开放。"
LONG = " ".join(f"{at}. {PROSE}" for at in range(9))
AS_JSON = '{"response_format":{"type":"json_object"}}'
EXACTLY = '{"messages":[{"role":"user","content":"One animal. Reply with exactly: otter-1291"}]}'
AS_TEXT = '{"response_format":{"type":"text"}}'

DAMAGED: Mapping[str, tuple[str, ...]] = {
    "text-repeated": (
        "The answer answer answer is 70.", "Ответ ответ ответ равен 70.", "答案是北京北京北京，谢谢。",
        "La réponse réponse réponse est 70.", "The The The capital",
        "The capital of The capital of The capital of Oslo",
        "TheThe capital capital of of Norway Norway is is Oslo Oslo..",
        "首都首都是是北京北京，，位于位于华北华北。。没错没错",
        "This is a shortThis is a short answer of the answer of the vendor. vendor.",
    ),
    "text-doubled": (PROSE * 2, PROSE * 3, f"{PROSE} {PROSE}", f"{PROSE}\n\n{PROSE}", CHINESE * 2),
    "text-cumulative": (
        "The capThe capital of NorThe capital of Norway is Oslo.",
        "挪威的首都是挪威的首都是奥斯陆挪威的首都是奥斯陆，没错",
    ),
    "text-cut-characters": ("voil\ufffd, done", "\ufffd\ufffd\ufffd the end", "a\ufffd"),
    "text-wrong-encoding": (
        "Ð¿ÑÐ¸Ð²ÐµÑ Ð¼Ð¸Ñ", "ä½ å¥½ï¼Œä¸–ç•Œ", "cafÃ© naÃ¯ve", "Iâ€™m sure itâ€™s fine", "great ðŸ˜€ ðŸ‘",
    ),
    "text-vocabulary-marks": ("TheĠcapitalĠofĠNorway", "▁The▁capital▁of", "a <0xE4><0xBD><0xA0>"),
    "text-spaces-lost": (
        "ThecapitalofNorwayisOsloanditsharbouropenstothesouth.", "itwasfoundedabouttenhundredandforty years ago",
    ),
    "text-head-lost": (" capital of Norway is Oslo.", ", the answer is 70.", ") and so it is."),
    "not-language": ("gebrauchпросто เป็นdas ساعةklasse και नहींetwa свойund ότανvoid ไม่rund",),
    "degenerate-output": (
        "!" * 64, "!!!!" * 20, "The answer is " + "the the " * 40, "答案是" + "的" * 100,
        "Sure. " + "!" * 200 + " So it is 70.",
        "Well. " + "I will check it once more, to be really sure about that answer. " * 20,
    ),
    "markers-leak": (
        "Oslo.<|im_end|>", "Oslo.<|im_end|>\n", "[EOS]Oslo", "```python\nprint(1)\n<|im_end|>",
        "x<|close|>message<|sep|>",
        "<|tool_calls_section_begin|><|tool_call_begin|>f:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
    ),
    "parser-missing": (
        "<|open|>think<|sep|>a<|close|>think<|sep|><|open|>response<|sep|>b<|close|>response<|sep|>",
        "a<|close|>think<|sep|><|open|>response<|sep|>b<|close|>response<|sep|><|close|>message<|sep|>",
    ),
    "markers-unknown": (
        "Oslo<|eot_id|>", "Oslo</s>", "Oslo<｜end▁of▁sentence｜>", "Oslo<end_of_turn>", "[/INST] Oslo",
        "<|endoftext|>Oslo",
        "<tool_call>\n{}\n</tool_call>",
    ),
    "reasoning-in-content": (
        "<think>a</think>b", "a\n</think>\n\nb", "<thinking>a</thinking>b", "◁think▷a◁/think▷b",
        "\n<think>\nnever closed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cause", "text"), [(cause, text) for cause, texts in DAMAGED.items() for text in texts])
def test_content_that_shows_a_cause(cause: str, text: str) -> None:
    """One cause, whatever the instance, the language and the place."""
    assert signs(text) == [cause]


SHOWN: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("text-cut-characters", {"content": "a", "reasoning": "b\ufffdc"}),
    ("text-cut-characters", {"tool_calls": calling('{"a":"caf\ufffd"}')}),
    ("text-cut-characters", {"tool_calls": calling('{"a":"\\ud83d"}')}),
    ("text-cut-characters", {"content": "a b", "anomalies": ("lone-surrogate",)}),
    ("degenerate-output", {"reasoning": "!" * 64, "finish_reason": "length"}),
    ("degenerate-output", {"content": "G" * 64, "finish_reason": "length"}),
    ("degenerate-loop", {"content": "ok", "reasoning": "Hm. " + "Wait, no. " * 50}),
    ("degenerate-loop", {"content": "I see. " + "and so on " * 50, "finish_reason": "length"}),
    ("degenerate-loop", {"content": "I see. " + "and so on " * 50, "finish_reason": "repeat"}),
    ("text-head-lost", {"content": '"a":1}', "request": AS_JSON}),
    ("text-head-lost", {"content": 'a":[1]}', "request": AS_JSON}),
    ("markers-leak", {"content": "ok", "reasoning": "x<|im_end|>"}),
    ("markers-leak", {"tool_calls": calling('{"a":"x<|im_end|>"}')}),
    ("markers-leak", {"tool_calls": calling('{"a":1}<|tool_call_end|>')}),
    ("markers-leak", {"tool_calls": calling("{}", name="look_up<|sep|>")}),
    ("json-fenced", {"content": '```json\n{"a":1}\n```', "request": AS_JSON}),
    ("json-fenced", {"content": "Sure:\n```\n[1]\n```\nBye", "request": AS_JSON}),
    ("json-fenced", {"content": '~~~ JSON\r\n{"a":1}\r\n~~~', "request": AS_JSON}),
    ("answer-in-reasoning", {"reasoning": "so it is 70"}),
    ("answers-empty", {"content": " \n"}),
    ("calls-lost", {"content": "I look.", "finish_reason": "tool_calls"}),
    ("calls-lost", {"reasoning": "I look.", "finish_reason": "function_call"}),
    ("finish-contradicts-usage", {
        "tool_calls": calling('{"a":"x'), "finish_reason": "tool_calls", "usage": counted(9, 32), "limit": 32,
    }),
    ("finish-contradicts-usage", {
        "tool_calls": calling("{}", '{"a":'), "usage": counted(9, 32), "request": '{"max_completion_tokens": 32}',
    }),
    ("finish-contradicts-usage", {"content": PROSE, "usage": counted(9, 200), "request": '{"max_tokens":200}'}),
    ("length-too-early", {"content": "a", "finish_reason": "length", "usage": counted(9, 100), "limit": 1000}),
    ("cut-thinking-as-content", {
        "content": "Let me see", "finish_reason": "length", "usage": counted(9, 32), "request": '{"max_tokens":32}',
    }),
    ("finish-unknown", {"content": "a", "finish_reason": "eos_token"}),
    ("finish-unknown", {"content": "a", "finish_reason": "max_tokens"}),
    ("usage-without-reasoning", {"content": "70", "reasoning": PROSE * 8, "usage": counted(9, 3)}),
    ("usage-without-reasoning", {
        "content": "70", "usage": counted(9, 30, completion_tokens_details={"reasoning_tokens": 200}),
    }),
    ("usage-too-few", {"content": LONG, "usage": counted(9, 3)}),
    ("usage-too-few", {"content": PROSE, "usage": counted(9, 0)}),
    ("usage-cached-above-prompt", {
        "content": "a", "usage": counted(9, 1, prompt_tokens_details={"cached_tokens": 10}),
    }),
    ("usage-cached-above-prompt", {"content": "a", "usage": counted(9, 1, cached_tokens=64)}),
    ("usage-cached-above-prompt", {"content": "a", "usage": counted(9, 1, prompt_cache_hit_tokens=64)}),
    ("calls-arguments-again", {"tool_calls": calling('{"a": {"b": 1}}{"a":{"b":1}}')}),
    ("calls-arguments-cumulative", {"tool_calls": calling('{"a"{"a": [1, 2{"a": [1, 2]}')}),
    ("calls-header-repeated", {"tool_calls": calling("{}", name="look_uplook_up"), "request": '{"name":"look_up"}'}),
    ("calls-header-repeated", {"tool_calls": calling("{}"), "anomalies": ("tool-call-header-repeated",)}),
    ("calls-index-reused", {"tool_calls": calling("{}", "{}"), "anomalies": ("tool-call-index-reused",)}),
    ("calls-without-index", {"tool_calls": calling("{}"), "anomalies": ("tool-call-without-index",)}),
    ("calls-held-back", {"tool_calls": calling("{}"), "anomalies": ("tool-call-held-back",)}),
    ("calls-repeated", {"tool_calls": calling('{"a":1}', '{"b":1}', '{"a":1}')}),
    ("calls-piece-repeated", {"tool_calls": calling('{"a"{"a":1}'), "anomalies": ("tool-call-piece-repeated",)}),
    ("total-tokens-is-not-prompt-and-completion-together", {"content": "a", "usage": counted(9, 1, total_tokens=9)}),
    ("usage-reasoning-miscounted", {
        "content": "a", "reasoning": PROSE, "usage": counted(9, 40, completion_tokens_details={"reasoning_tokens": 0}),
    }),
    ("usage-reasoning-miscounted", {
        "content": LONG, "usage": counted(9, 300, completion_tokens_details={"reasoning_tokens": 300}),
    }),
    ("usage-repeated", {"content": "a", "usage": counted(9, 1), "anomalies": ("usage-repeated",)}),
    ("text-added", {"content": "otter-1291 Powered by X.", "request": EXACTLY}),
    ("text-added", {"content": "[XY] otter-1291", "request": EXACTLY}),
    ("text-greeting", {"content": "Sure! Here it is:\n\notter-1291", "request": EXACTLY}),
    ("text-greeting", {"content": "X says: otter-1291\nLet me know what else I can do.", "request": EXACTLY}),
    ("letters-change-their-case", {"content": "OTTER-1291", "request": EXACTLY}),
    ("characters-in-texts-are-replaced-by-others-or-left-out", {"content": "otter\u20131291", "request": EXACTLY}),
    ("white-space-in-texts-is-changed", {"content": "otter - 1291", "request": EXACTLY}),
    ("the-end-of-texts-is-lost", {"content": "otter-12", "request": EXACTLY}),
    ("text-head-lost", {"content": "ter-1291", "request": EXACTLY}),
    ("texts-lose-pieces-in-the-middle", {"content": "otter-91", "request": EXACTLY}),
    ("invisible-characters-are-put-into-texts", {"content": "\ufeffotter-1291", "request": EXACTLY}),
    ("texts-are-escaped-once-too-often", {"content": "otter%2D1291", "request": EXACTLY}),
)  # fmt: skip


@pytest.mark.parametrize(("cause", "facts"), SHOWN)
def test_answers_that_show_a_cause(cause: str, facts: Mapping[str, Any]) -> None:
    """What stands elsewhere than in the content, or beside it."""
    given = {"finish_reason": "tool_calls" if "tool_calls" in facts else "stop", **facts}
    assert signs(**given) == [cause]


RIGHT: tuple[Mapping[str, Any], ...] = (
    *({"content": text, "request": EXACTLY} for text in (
        "otter-1291", " otter-1291\n", "otter-1291.", '"otter-1291"', "**otter-1291**", "`otter-1291` \u2728",
        "Otter-1291", "another text", "otter-1291 otter-1291", "otter-12910 is it",
    )),
    {"content": "Sure: otter-1291", "reasoning": "a", "request": EXACTLY, "finish_reason": "length"},
    {"content": "otter-12", "reasoning": "a", "request": EXACTLY, "finish_reason": "length"},
    {"content": "otter-", "request": EXACTLY.replace("}]", '}],"stop":["1291"]')},
    {"content": "-1291", "request": EXACTLY.replace("}]", '},{"role":"assistant","content":"otter","partial":true}]')},
    {"content": "Ok", "request": '{"content":"Reply with exactly: OK"}'},
    {"content": "OK the the", "request": '{"content":"Reply with exactly: OK the the the"}'},
    {"content": "Sure: 70", "request": '{"content":"What is 7 times 10?"}'},
    {"tool_calls": calling("{}", "{}"), "finish_reason": "tool_calls"},
    {"tool_calls": calling('{"a":1}', '{"a":2}'), "finish_reason": "tool_calls"},
    {"tool_calls": calling('{{"a":1}'), "finish_reason": "tool_calls"},
    {"content": "a", "usage": counted(9, 1, total_tokens=10)},
    {"content": "a", "usage": counted(9, 1, total_tokens=None)},
    {"content": "a", "usage": counted(9, 40, completion_tokens_details={"reasoning_tokens": 0})},
    {"content": "70", "reasoning": PROSE, "usage": counted(9, 40, completion_tokens_details={"reasoning_tokens": 40})},
    {"content": PROSE},
    {"content": CHINESE},
    {"content": "70"},
    {"content": "It is very very cold, and no, no, no, I do not mind."},
    {"content": "哈哈哈哈哈哈，好的好的。"},
    {"content": "café, naïve, où, «été», São João, Größe, «Ünïcödé» – “fine”…"},
    {"content": "привет, мир; γειά σου; שלום; नमस्ते; สวัสดี; 你好; こんにちは; 안녕"},
    {"content": "α-helix, β-carotene, Δt = 3 µs, 10 Ω, x² and naïveté"},
    {"content": "| a | b |\n|---|---|\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |\n| 0 | 0 |"},
    {"content": "=" * 80 + "\n" + "-" * 80},
    {"content": "The token `<|im_end|>` ends a turn, as in\n```\n<|im_user|>a<|im_end|>\n```\n"},
    {"content": "It ends with <|im_end|>.", "request": "What is <|im_end|>?"},
    {"content": "It is \ufffd.", "request": "What is \ufffd?"},
    {"content": "cut her\ufffd", "finish_reason": "length"},
    {"content": "no no no no no", "request": "Repeat the word no five times"},
    {"content": "!" * 100, "request": 'Write "!" and repeat it 100 times'},
    {"content": "Use <s>old</s> for a line through it, and <b>bold</b>."},
    {"content": "Maltese: Ġunju, Ġwann; bars ▁▂▃▄▅▆▇█"},
    {"content": "AAAAAAAA" * 40 + "=="},
    {"content": "0" * 64 + " is a hash"},
    {"content": "Supercalifragilistic words are 27 letters or fewer: electroencephalographically"},
    {"content": "See https://example.org/averyveryverylongpathwithoutanyspaceinit/atall"},
    {"content": '{"a":"```json\\n{}\\n```"}', "request": AS_JSON},
    {"content": '```json\n{"a":1}\n```', "request": AS_TEXT},
    {"content": "```json\n{}\n```"},
    {"tool_calls": calling('{"code":"print(\'<|im_end|>\')\\n# a program\\n"}'), "finish_reason": "tool_calls"},
    {"tool_calls": calling('{"a":"\\ud83d\\ude00 \\\\ud83d"}'), "finish_reason": "tool_calls"},
    {"tool_calls": calling('{"a":{"a":{"a":1}}}', "[[[1]]]", ""), "finish_reason": "tool_calls"},
    {"content": "", "finish_reason": "stop", "request": '{"stop":["x"]}'},
    {"content": "x", "reasoning": LONG, "usage": counted(9, 300)},
    {"content": "x", "usage": counted(9, 1, prompt_tokens_details={"cached_tokens": 9})},
    {"content": "x", "usage": counted(9, 16), "request": '{"max_tokens":16}'},
    {"content": "x", "finish_reason": "length", "request": '{"max_tokens":16,"thinking":{"type":"disabled"}}'},
    {"content": "x", "finish_reason": "length", "usage": counted(120_000, 16), "limit": 64_000},
    {"content": "Destroying test database for alias 'default'...\n" * 2},
)  # fmt: skip


@pytest.mark.parametrize("facts", RIGHT)
def test_right_answers_show_nothing(facts: Mapping[str, Any]) -> None:
    """What looks like damage and is none."""
    assert signs(**facts) == []


@pytest.mark.parametrize("asked", ["REPEATED", "Three Times", "count up", "echo this", "请重复", "说三遍", "次数"])
def test_words_may_be_repeated_where_the_request_says_so(asked: str) -> None:
    """In any case; a longer word that holds one of these says nothing."""
    assert signs("stop stop stop stop", request=f"{asked}: a word") == []
    assert signs("stop stop stop stop", request="Sometimes a repeater, echoes, a count of words") == ["text-repeated"]


@pytest.mark.parametrize("times", [2, 3, 7])
@pytest.mark.parametrize("arguments", ["{}", "[]", '{"a": 1}', '{"a":{"b":[1,{"c":"}{"}]}}'])
def test_arguments_that_are_sent_again(arguments: str, times: int) -> None:
    """However often, and whatever stands in them."""
    assert repeated(arguments) == ""
    assert repeated(arguments * times) == "again"


@pytest.mark.parametrize("step", [1, 3, 5])
def test_arguments_that_are_cumulative(step: int) -> None:
    """Whatever the size of the pieces."""
    whole = '{"city":"Riga","days":[1,2,3]}'
    assert repeated("".join(whole[:end] for end in [*range(step, len(whole), step), len(whole)])) == "cumulative"


@pytest.mark.parametrize("size", [4, 9, 30])
@pytest.mark.parametrize("text", [PROSE, CHINESE + "它在挪威的南部，有七十万居民。"])
def test_pieces_that_come_twice_or_grow(text: str, size: int) -> None:
    """Text in pieces of any size: each twice, and each with all before it."""
    ends = [*range(size, len(text), size), len(text)]
    assert is_cumulative("".join(text[:end] for end in ends)) or len(ends) < 3
    twice = "".join(2 * text[start:end] for start, end in zip([0, *ends], ends, strict=False))
    assert is_doubled(twice) or repeated_words(twice, "")


@pytest.mark.parametrize("unit", ["!", "ab", "the ", "的", "Wait, let me think. ", "0, ", "\\n", PROSE])
def test_loops_of_any_unit(unit: str) -> None:
    """From one character to a sentence; a few repetitions are none."""
    assert looped(f"It is so: {unit * 70}")
    assert not looped(f"It is so: {unit * 3}")


@pytest.mark.parametrize(
    ("name", "other"),
    [("kimi-k2.5", "moonshotai/Kimi-K2p5@main"), ("kimi-k2-0905", "Kimi_K2:free"), ("kimi-k3", "KIMI-K3-20260901")],
)
def test_names_of_one_model(name: str, other: str) -> None:
    """Path, tag, date, case and spelling of versions do not matter."""
    assert normal(name) == normal(other)


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("deepseek-v4-flash", "deepseek"),
        ("qwen3-235b", "qwen"),
        ("zai/GLM-5.2", "glm"),
        ("moonshot-v1", "kimi"),
        ("x1", ""),
    ],
)
def test_makers_by_name(name: str, maker: str) -> None:
    """Well-known families are told apart; a name of one's own is nobody's."""
    assert family(name) == maker


@pytest.mark.parametrize("lines", [1, 3, 100_000])
@pytest.mark.parametrize("first", [False, True])
def test_a_line_backwards_is_found_at_either_end(lines: int, *, first: bool) -> None:
    """However long the answer is; a line that is longer than the request cannot stand in it."""
    asked, other = "Reply with this text alone: The ships sail at dawn.", ["Fine."] * (lines - 1)
    backwards = "The ships sail at dawn."[::-1]
    text = "\n".join([backwards, *other] if first else [*other, backwards])
    assert "text-reversed" in signs(request=asked, content=text)
    assert "text-reversed" not in signs(request=asked, content=text.replace(backwards, f"{backwards}{'.' * 200}"))
