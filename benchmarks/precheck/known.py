"""All causes of Pre-Verification, and which causes explain which others.

A leak of markers breaks every probe that reads a text; a request that is refused whatever it asks breaks all that build
on it. Such symptoms are shown under their cause. The relations stand in this one place, because most of them
connect several suites.
"""

from collections.abc import Collection, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from benchmarks import precheck
from benchmarks.precheck import stream_items, suites
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.suites import mfjs, text
from kvv_action.causes import CALL_PARSER, REASONING_PARSER, id_of_sentence
from kvv_action.verdict import delivery
from kvv_action.verdict.checks import damage, exact
from kvv_action.verdict.known_causes import cause_of

_ARGUMENTS = (
    "tool-arguments-are-not-json", "tool-arguments-are-not-json-text-of-an-object",
    "tool-arguments-are-json-inside-a-json-text", "tool-arguments-are-json-text-within-json-text",
    "tool-arguments-break-the-tool-s-schema", "tool-arguments-do-not-follow-the-tool-s-schema",
    "tool-arguments-follow-the-schema-only-when-not-streamed", "required-tool-arguments-are-left-out",
    "tool-arguments-hold-properties-that-the-schema-forbids", "tool-arguments-hold-values-outside-an-enum",
    "tool-arguments-break-the-schema-s-bounds", "tool-arguments-do-not-say-what-was-asked",
    "joined-arguments-of-a-streamed-call-are-not-json", "pieces-of-a-streamed-call-are-not-cut-as-agreed",
)  # fmt: skip
"""Causes that probes name when arguments are wrong."""
_CALLING = (
    "tools-are-not-called", "a-forced-tool-call-is-not-made", "tool-calls-are-lost-on-the-way-out",
    "tool-calls-come-as-text", "tool-call-markers-leak-into-the-text", "only-one-of-several-calls-comes-back",
    "tool-choice-required-does-not-force-a-call", "tools-in-system-messages-are-not-offered-to-the-model",
    "tool-choice-required-does-not-force-a-call-of-tools-in-system-messages",
    "tools-of-the-request-are-not-called-beside-those-of-messages", "results-of-tools-do-not-reach-the-model",
    "tool-arguments-follow-the-schema-only-when-not-streamed", "an-answer-with-tools-at-hand-is-empty",
    "another-surface-of-the-api-does-not-answer-as-it-should",
)  # fmt: skip
"""Causes that probes name when calls are missing."""
_NAMES = ("tools-are-called-that-were-not-offered", *_CALLING)
_CALLS = tuple(dict.fromkeys((
    *_NAMES, *_ARGUMENTS, "finish-reason-is-not-tool-calls-although-tools-are-called",
    "a-call-without-arguments-has-an-empty-text", "streamed-calls-are-not-numbered-one-after-the-other",
)))  # fmt: skip
_TEXT = (
    "a-plain-request-gets-an-empty-answer", "response-format-is-ignored", "json-is-wrapped-in-a-code-fence",
    "the-schema-in-response-format-is-not-enforced", "json-object-gives-json-that-is-no-object",
    "json-ends-up-in-the-reasoning-instead-of-the-content", "strict-json-is-written-with-line-breaks-or-tabs",
    "response-format-works-differently-when-streamed", "a-json-object-lacks-the-key-that-the-prompt-asks-for",
    "stop-sequences-are-not-kept", "a-part-of-a-long-prompt-does-not-reach-the-model",
    "concurrent-requests-get-each-other-s-answers", "pictures-do-not-reach-the-model", "pictures-lose-their-order",
    "only-some-pictures-of-a-message-reach-the-model", "the-model-does-not-know-its-thinking-effort",
    "thinking-in-the-history-does-not-reach-the-model", "results-of-tools-do-not-reach-the-model",
    "another-surface-of-the-api-does-not-answer-as-it-should", "an-answer-with-tools-at-hand-is-empty",
    "streamed-text-holds-broken-characters", "streamed-and-plain-answers-do-not-hold-the-same-fields",
)  # fmt: skip
"""Causes of probes that judge the text of an answer."""
_THINKING = (
    "thinking-content-is-lost", "thinking-comes-as-content", "thinking-markers-leak-into-content",
    "the-answer-comes-back-as-thinking",
)  # fmt: skip
_COUNTS = ("completion-tokens-are-miscounted", "total-tokens-is-not-prompt-and-completion-together")
_FRAMES = (
    "events-are-not-data", "a-stream-does-not-end-with-one-done", "chunks-do-not-carry-one-id",
    "chunks-are-not-named-chat-completion-chunk", "chunks-do-not-carry-one-model",
    "the-role-does-not-come-exactly-once",
    "choices-have-no-index", "finish-reason-does-not-come-exactly-once", "chunks-do-not-carry-one-created",
    "no-summary-frame-follows-the-finish", "usage-of-a-stream-has-no-details", "usage-comes-before-the-finish",
    "choices-lack-delta-or-finish-reason", "the-first-frame-does-not-open-the-answer", "a-summary-frame-comes-unasked",
    "the-frame-of-the-finish-brings-more", "content-or-reasoning-is-no-text", "finish-reason-is-an-unknown-word",
    "the-end-of-a-stream-is-not-well-formed", "chunks-of-a-stream-are-not-well-formed",
    "usage-is-not-in-the-last-chunk-of-a-stream", "joined-arguments-of-a-streamed-call-are-not-json",
    "pieces-of-a-streamed-call-are-not-cut-as-agreed", "streamed-calls-are-not-numbered-one-after-the-other",
    "another-surface-of-the-api-does-not-answer-as-it-should",
)  # fmt: skip
"""Causes that probes name for the frames of a stream."""
_PROMPT = (
    "every-prompt-is-rendered-as-one-without-thinking", "the-note-about-the-thinking-effort-is-not-in-the-prompt",
    "the-prompt-names-the-same-thinking-effort-whatever-is-asked", "prompt-tokens-are-miscounted",
    "the-endpoint-does-not-count-with-the-model-s-tokenizer",
    "a-constant-number-of-tokens-is-added-to-every-prompt-or-missing-from-it",
    "thoughts-of-earlier-answers-are-not-in-the-prompt",
)  # fmt: skip
"""Causes that probes read from the tokens of prompts about thinking."""
_EFFORT = ("the-model-does-not-know-its-thinking-effort", "thinking-effort-has-no-effect")
_REFUSED = ("valid-requests-are-refused-so-that-their-prompts-cannot-be-counted",)
_PICTURES = (
    "pictures-not-seen", "pictures-lost", "pictures-format-not-seen", "pictures-seen-coarsely", "pictures-seen-worse",
    "prompt-tokens-is-too-small-to-hold-the-picture", "prompt-tokens-do-not-count-pictures",
)  # fmt: skip
_DAMAGED = (*_TEXT, *_ARGUMENTS, *_NAMES, *_COUNTS, *_FRAMES, "thinking-content-is-lost", "max-tokens-is-not-kept")
_SCHEMAS = (
    "tool-arguments-break-the-tool-s-schema", "tool-arguments-do-not-follow-the-tool-s-schema",
    "tool-arguments-hold-values-outside-an-enum", "tool-arguments-break-the-schema-s-bounds",
    "required-tool-arguments-are-left-out", "tool-arguments-hold-properties-that-the-schema-forbids",
    "tool-arguments-do-not-say-what-was-asked", "nested-tool-arguments-come-flattened-or-as-text",
)  # fmt: skip
"""Causes that probes name for arguments that are JSON but break the schema."""
_QUOTED = ("control-tokens-that-a-user-quotes-are-carried-out",)
"""Cause of the probe that has control tokens copied."""
_PIECES = (*_DAMAGED, "answer-in-reasoning", "answers-empty", "calls-lost", "the-answer-comes-back-as-thinking")
"""Symptoms when a piece of every stream is lost: short answers are lost as a whole."""
_BROKEN = (
    *_FRAMES, "invalid-requests-are-refused-with-the-wrong-status", "a-class-of-requests-crashes-the-server",
    "many-requests-at-once-break-answers-that-arrive-whole-one-by-one",
)  # fmt: skip
_DELIVERY = dict.fromkeys((cause.id for cause in delivery.ALL_CAUSES), _BROKEN)

EXPLAINS: Mapping[str, tuple[str, ...]] = {
    **_DELIVERY,
    **dict.fromkeys((cause.id for cause in (*text.CAUSES.values(), *exact.CAUSES)), (*_DAMAGED, *_QUOTED)),
    **dict.fromkeys((cause.id for cause in damage.CAUSES), _DAMAGED),
    **dict.fromkeys(("text-head-lost", "the-end-of-texts-is-lost", "texts-lose-pieces-in-the-middle"), _PIECES),
    "text-reversed": _DAMAGED,
    "thinking-comes-as-content": (*_TEXT, *_CALLS, *_THINKING, *_EFFORT),
    "markers-leak": (*_TEXT, *_CALLS, *_THINKING),
    "markers-unknown": _TEXT,
    "parser-missing": (*_TEXT, *_CALLS, *_THINKING, *_EFFORT),
    "reasoning-in-content": (*_TEXT, *_CALLS, *_THINKING, *_EFFORT),
    "answer-in-reasoning": (*_TEXT, *_CALLING, "the-answer-comes-back-as-thinking"),
    "answers-empty": (*_TEXT, *_CALLING, "results-of-tools-cannot-be-sent-back"),
    "calls-lost": _CALLS,
    "calls-index-reused": _CALLS,
    "calls-without-index": _CALLS,
    "calls-header-repeated": _CALLS,
    "calls-name-split": _CALLS,
    "calls-arguments-again": _CALLS,
    "calls-arguments-cumulative": _CALLS,
    "calls-out-of-order": ("streamed-calls-are-not-numbered-one-after-the-other",),
    "json-fenced": _TEXT,
    "output-capped": (*_TEXT, *_CALLS, "max-tokens-is-not-kept", "an-answer-that-was-cut-off-does-not-say-so"),
    "finish-unknown": (
        *_FRAMES, "an-answer-that-was-cut-off-does-not-say-so",
        "finish-reason-is-not-tool-calls-although-tools-are-called",
    ),
    "finish-contradicts-usage": ("an-answer-that-was-cut-off-does-not-say-so",),
    "length-too-early": ("finish-reason-is-not-tool-calls-although-tools-are-called",),
    "calls-piece-repeated": _CALLS,
    "only-one-of-several-calls-comes-back": ("calls-repeated",),
    "calls-repeated": ("parallel-tool-calls-false-does-not-keep-the-model-from-several-calls",),
    "usage-constant": (
        *_COUNTS, *_PROMPT, *_QUOTED, "usage-is-missing", "max-tokens-is-not-kept", "long-prompts-are-cut-silently",
        "thinking-in-the-history-does-not-reach-the-model", "prompt-tokens-do-not-count-pictures",
        "another-surface-of-the-api-counts-the-same-prompt-differently", "reasoning-effort-outranks-thinking-effort",
    ),
    "usage-repeated": (
        "no-summary-frame-follows-the-finish", "usage-comes-before-the-finish",
        "usage-is-not-in-the-last-chunk-of-a-stream",
    ),
    "usage-without-reasoning": (*_COUNTS, "max-tokens-is-not-kept"),
    "usage-too-few": (*_COUNTS, "max-tokens-is-not-kept"),
    "identity-changing": ("chunks-do-not-carry-one-model", "chunks-of-one-stream-carry-different-ids-or-models"),
    "stream-buffered": ("streams-are-held-back-and-sent-at-the-end",),
    "thinking-cannot-be-asked-for": (
        *_EFFORT, *_PROMPT, *_REFUSED, "thinking-content-is-lost", "a-level-of-thinking-effort-is-refused",
        "thinking-in-the-history-does-not-reach-the-model",
    ),
    "thinking-content-is-lost": (
        *_EFFORT, *_PROMPT, "thinking-in-the-history-does-not-reach-the-model", "cut-thinking-as-content",
        "streamed-and-plain-answers-do-not-hold-the-same-fields",
    ),
    "thinking-cannot-be-turned-off": (*_PROMPT, "the-model-thinks-by-default-although-it-should-not"),
    "thinking-markers-leak-into-content": _TEXT,
    "thinking-cannot-be-sent-back-in-the-history": (*_REFUSED, "results-of-tools-cannot-be-sent-back"),
    "thinking-in-the-history-does-not-reach-the-model": _PROMPT[3:],
    "a-level-of-thinking-effort-is-refused": (*_REFUSED, *_EFFORT),
    "thoughts-of-earlier-answers-are-not-in-the-prompt": ("thinking-in-the-history-does-not-reach-the-model",),
    "every-prompt-is-rendered-as-one-without-thinking": ("thinking-in-the-history-does-not-reach-the-model", *_EFFORT),
    "the-prompt-names-the-same-thinking-effort-whatever-is-asked": _EFFORT,
    "the-note-about-the-thinking-effort-is-not-in-the-prompt": _EFFORT,
    "the-model-does-not-know-its-thinking-effort": ("thinking-effort-has-no-effect",),
    "the-model-s-own-parameter-values-are-refused": _REFUSED,
    "a-class-of-requests-crashes-the-server": ("invalid-requests-are-refused-with-the-wrong-status",),
    "a-plain-request-gets-an-empty-answer": _TEXT,
    "requests-with-tools-are-refused": (
        *_REFUSED, "tools-in-system-messages-are-refused", "a-valid-tool-choice-is-refused",
        "results-of-tools-cannot-be-sent-back", "valid-tool-schemas-are-refused",
    ),
    "a-valid-tool-choice-is-refused": _REFUSED,
    "tools-in-system-messages-are-refused": _REFUSED,
    "pictures-are-refused": (*_REFUSED, "a-format-of-pictures-is-refused", "many-pictures-in-one-request-are-refused"),
    "a-valid-response-format-is-refused": _REFUSED,
    "tools-of-the-request-are-not-in-the-prompt": _CALLING,
    "tools-of-system-messages-are-not-in-the-prompt": (
        "tools-in-system-messages-are-not-offered-to-the-model",
        "tool-choice-required-does-not-force-a-call-of-tools-in-system-messages",
    ),
    "tools-are-not-called": _CALLING,
    "tool-calls-are-lost-on-the-way-out": _CALLING,
    "tool-calls-come-as-text": _CALLING,
    "tool-call-markers-leak-into-the-text": _CALLING,
    "tools-are-called-that-were-not-offered": _CALLING,
    "tools-are-called-when-none-is-needed": ("results-of-tools-do-not-reach-the-model",),
    "tool-choice-required-does-not-force-a-call": (
        "a-forced-tool-call-is-not-made", "tool-choice-required-does-not-force-a-call-of-tools-in-system-messages",
    ),
    "tools-in-system-messages-are-not-offered-to-the-model": (
        "malformed-tools-in-messages-are-accepted",
        "tool-choice-required-does-not-force-a-call-of-tools-in-system-messages",
    ),
    "tool-arguments-follow-the-schema-only-when-not-streamed": (
        *_CALLING, *_ARGUMENTS, "answer-in-reasoning", "answers-empty", "calls-lost",
    ),
    "tool-arguments-are-not-json": (*_ARGUMENTS, "another-surface-of-the-api-does-not-answer-as-it-should"),
    "tool-arguments-are-not-json-text-of-an-object": (
        "tool-arguments-are-not-json", "joined-arguments-of-a-streamed-call-are-not-json",
        "another-surface-of-the-api-does-not-answer-as-it-should",
    ),
    "tool-arguments-are-json-inside-a-json-text": ("tool-arguments-are-json-text-within-json-text",),
    "tool-arguments-are-json-text-within-json-text": ("tool-arguments-are-json-inside-a-json-text",),
    "required-tool-arguments-are-left-out": (
        "tool-arguments-break-the-tool-s-schema", "another-surface-of-the-api-does-not-answer-as-it-should",
    ),
    "tool-arguments-hold-properties-that-the-schema-forbids": ("tool-arguments-break-the-tool-s-schema",),
    **dict.fromkeys(_SCHEMAS[:2], _SCHEMAS),
    "tool-arguments-hold-values-outside-an-enum": (*_SCHEMAS[:2], "tool-arguments-do-not-say-what-was-asked"),
    **dict.fromkeys(
        (
            "optional-tool-arguments-that-the-model-left-out-come-as-null",
            "integers-in-tool-arguments-come-as-floating-point-numbers",
            "escapes-in-texts-of-tool-arguments-are-resolved", "the-arguments-of-a-tool-call-do-not-come",
        ),
        (*_SCHEMAS, *_ARGUMENTS),
    ),
    "tool-arguments-do-not-say-what-was-asked": ("required-tool-arguments-are-left-out",),
    "response-format-is-ignored": _TEXT[2:9],
    "response-format-is-not-in-the-prompt": _TEXT[1:9],
    "max-tokens-is-not-kept": ("degenerate-output", "degenerate-loop", "finish-contradicts-usage", *_COUNTS),
    "usage-is-missing": (
        *_COUNTS, *_PROMPT, "usage-of-a-stream-has-no-details", "no-summary-frame-follows-the-finish",
        "another-surface-of-the-api-does-not-answer-as-it-should",
        "another-surface-of-the-api-counts-the-same-prompt-differently",
        "streamed-and-plain-answers-count-the-same-prompt-differently",
        "streamed-and-plain-answers-do-not-hold-the-same-fields",
    ),
    "the-same-prompt-is-counted-differently-each-time": (
        *_PROMPT, "reasoning-effort-outranks-thinking-effort",
        "streamed-and-plain-answers-count-the-same-prompt-differently",
        "another-surface-of-the-api-counts-the-same-prompt-differently",
    ),
    "streamed-and-plain-answers-count-the-same-prompt-differently": _PROMPT,
    "prompt-tokens-are-miscounted": (
        "total-tokens-is-not-prompt-and-completion-together", "prompt-tokens-do-not-count-pictures",
    ),
    "streams-are-not-streams": (
        *_FRAMES, "long-answers-are-streamed-in-a-few-pieces", "streams-are-held-back-and-sent-at-the-end",
        "streamed-and-plain-answers-do-not-hold-the-same-fields",
    ),
    "the-role-does-not-come-exactly-once": (
        "chunks-of-a-stream-are-not-well-formed", "the-first-frame-does-not-open-the-answer",
    ),
    "finish-reason-does-not-come-exactly-once": ("the-end-of-a-stream-is-not-well-formed",),
    "a-stream-does-not-end-with-one-done": ("the-end-of-a-stream-is-not-well-formed",),
    "chunks-do-not-carry-one-id": ("chunks-of-one-stream-carry-different-ids-or-models",),
    "chunks-do-not-carry-one-model": ("chunks-of-one-stream-carry-different-ids-or-models", "identity-changing"),
    "chunks-of-one-stream-carry-different-ids-or-models": ("identity-changing",),
    "chunks-of-a-stream-are-not-well-formed": _FRAMES,
    "usage-is-not-in-the-last-chunk-of-a-stream": (
        "no-summary-frame-follows-the-finish", "usage-comes-before-the-finish",
    ),
    "the-end-of-a-stream-is-not-well-formed": (
        "no-summary-frame-follows-the-finish", "usage-of-a-stream-has-no-details",
    ),
    "streams-are-held-back-and-sent-at-the-end": ("stream-buffered",),
    "pictures-do-not-reach-the-model": _PICTURES,
    "a-format-of-pictures-is-refused": ("pictures-format-not-seen",),
}  # fmt: skip
"""By id of a cause, the ids of the causes that are only its symptoms."""
_ALIKE = (
    ("pictures-do-not-reach-the-model", "pictures-not-seen"),
    ("pictures-lose-their-order", "pictures-lost"),
    ("only-some-pictures-of-a-message-reach-the-model", "pictures-lost"),
    ("prompt-tokens-do-not-count-pictures", "prompt-tokens-is-too-small-to-hold-the-picture"),
    ("tools-are-not-called", "no-tool-is-called-where-the-reference-calls-one"),
    ("tools-are-called-when-none-is-needed", "a-tool-is-called-where-the-reference-calls-none"),
    ("required-tool-arguments-are-left-out", "required-arguments-are-missing"),
    ("tool-arguments-hold-properties-that-the-schema-forbids", "arguments-hold-properties-that-the-schema-forbids"),
    ("tool-arguments-do-not-follow-the-tool-s-schema", "arguments-have-the-wrong-type"),
    ("tool-arguments-break-the-tool-s-schema", "required-arguments-are-missing"),
    ("tool-arguments-break-the-tool-s-schema", "arguments-hold-properties-that-the-schema-forbids"),
    ("tool-arguments-break-the-tool-s-schema", "arguments-have-the-wrong-type"),
    ("tool-arguments-are-not-json", "arguments-of-tool-calls-are-not-json"),
    ("tool-arguments-are-not-json", "arguments-of-tool-calls-are-cut-off"),
    ("tool-arguments-are-not-json-text-of-an-object", "arguments-of-tool-calls-are-not-json"),
    ("tool-arguments-are-not-json-text-of-an-object", "arguments-of-tool-calls-are-cut-off"),
    ("tool-arguments-follow-the-schema-only-when-not-streamed", "tool-calls-are-wrong-only-when-streamed"),
    ("tool-calls-are-lost-on-the-way-out", "finish-reason-is-tool-calls-but-there-are-no-calls"),
    (
        "finish-reason-is-not-tool-calls-although-tools-are-called",
        "finish-reason-is-not-tool-calls-although-there-are-calls",
    ),
    ("tools-of-the-request-are-not-in-the-prompt", "the-prompt-is-too-short-to-hold-the-tools"),
    ("ids-of-tool-calls-are-not-the-model-s-own", "ids-of-tool-calls-are-renamed"),
)
"""A probe's cause, and a scored benchmark's cause of the same defect; the one with more answers explains the other."""
WHATEVER = ("identity-another-model", "one-answer-to-everything", "a-plain-request-is-refused")
"""These explain everything that a probe can say."""

_GUIDED = {
    "vLLM": '--structured-outputs-config \'{"backend": "xgrammar"}\'',
    "SGLang": "--grammar-backend xgrammar",
}
_PASSED_ON = {"LiteLLM": "allowed_openai_params of the model's entry, drop_params: false"}
_OTHER_ROUTE = (
    "openai/ with api_base in the place of {}; allowed_openai_params of the model's entry, drop_params: false"
)
_CALL_FORCED = {"LiteLLM": _OTHER_ROUTE.format("a maker's own route, which may drop tool_choice required")}
_PICTURE_SENT = {"LiteLLM": _OTHER_ROUTE.format("a maker's own route, which may send text alone")}
_COUNTED = {"vLLM": "--enable-prompt-tokens-details", "SGLang": "--enable-cache-report"}
_PICTURES_ALLOWED = {"vLLM": "--limit-mm-per-prompt", "SGLang": "--limit-mm-data-per-request"}
SWITCHES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *_THINKING, "json-ends-up-in-the-reasoning-instead-of-the-content",
            "reasoning-is-streamed-after-content", "a-plain-request-gets-an-empty-answer",
        ),
        REASONING_PARSER,
    ),
    **dict.fromkeys(
        (
            "tools-are-not-called", "tool-calls-are-lost-on-the-way-out", "tool-calls-come-as-text",
            "tool-call-markers-leak-into-the-text", "an-answer-with-tools-at-hand-is-empty",
            "tool-calls-that-follow-a-text-are-lost", "names-of-tools-come-back-changed",
            "tools-are-called-that-were-not-offered", "tool-arguments-are-not-json",
            "tool-arguments-are-not-json-text-of-an-object", "ids-of-tool-calls-are-not-the-model-s-own",
        ),
        CALL_PARSER,
    ),
    **dict.fromkeys(
        (
            "tool-arguments-do-not-follow-the-tool-s-schema", "required-tool-arguments-are-left-out",
            "tool-arguments-hold-properties-that-the-schema-forbids", "tool-arguments-hold-values-outside-an-enum",
            "tool-arguments-break-the-schema-s-bounds", "tool-choice-required-does-not-force-a-call",
            "response-format-is-ignored", "the-schema-in-response-format-is-not-enforced",
            "json-is-wrapped-in-a-code-fence", "valid-tool-schemas-are-refused",
        ),
        _GUIDED,
    ),
    "strict-json-is-written-with-line-breaks-or-tabs": {
        "vLLM": "--structured-outputs-config '{\"disable_any_whitespace\": true}'",
        "SGLang": "--constrained-json-disable-any-whitespace",
    },
    "usage-is-missing": {
        "vLLM": "--enable-force-include-usage",
        "LiteLLM": "always_include_stream_usage: true in general_settings",
    },
    "usage-of-a-stream-has-no-details": _COUNTED,
    **dict.fromkeys(
        (
            "thinking-cannot-be-asked-for", "a-level-of-thinking-effort-is-refused", "thinking-cannot-be-turned-off",
            "the-model-s-own-parameter-values-are-refused", "a-valid-decoding-parameter-is-refused",
        ),
        _PASSED_ON,
    ),
    "thinking-comes-as-content": {**REASONING_PARSER, "LiteLLM": "merge_reasoning_content_in_choices: false"},
    "a-forced-tool-call-is-not-made": {
        **CALL_PARSER, **{engine: f"{CALL_PARSER[engine]} {switch}" for engine, switch in _GUIDED.items()},
        **_CALL_FORCED,
    },
    "tool-choice-required-does-not-force-a-call": {**_GUIDED, **_CALL_FORCED},
    "a-valid-tool-choice-is-refused": _CALL_FORCED,
    "pictures-do-not-reach-the-model": _PICTURE_SENT,
    "pictures-are-refused": _PICTURE_SENT,
    "long-answers-are-streamed-in-a-few-pieces": {
        "vLLM": "--stream-interval 1", "SGLang": "--stream-interval 1", "nginx": "proxy_buffering off",
    },
    "streams-are-held-back-and-sent-at-the-end": {"nginx": "proxy_buffering off"},
    "long-prompts-are-cut-silently": {"SGLang": "without --allow-auto-truncate"},
    "only-some-pictures-of-a-message-reach-the-model": _PICTURES_ALLOWED,
    "many-pictures-in-one-request-are-refused": {**_PICTURES_ALLOWED, "nginx": "client_max_body_size"},
}  # fmt: skip
"""By id of a cause, the exact option by the name of the engine or gateway, as their own documentation has it."""


def declared() -> Iterator[ProbeCause]:
    """Every cause as its suite declares it."""
    for package in (precheck, suites):
        for one in iter_modules(package.__path__):
            yield from _in(import_module(f"{package.__name__}.{one.name}"))
    yield from (mfjs.refused_cause(keyword) for keyword in ("", *mfjs.REFUSABLE))
    yield from (ProbeCause(cause=item.rule, remedy=item.remedy) for item in stream_items.ITEMS if item.remedy)


def _in(module: ModuleType) -> Iterator[ProbeCause]:
    """The causes that a module declares, alone or in a table; not those that are declared elsewhere."""
    for value in vars(module).values():
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(one, ProbeCause) and one.id == id_of_sentence(one.sentence) and cause_of(one.id) is None:
                yield one


def causes() -> tuple[ProbeCause, ...]:
    """Every cause, once, with what it explains and what explains it."""
    found = {one.id: one for one in reversed([*declared()])}
    return tuple(_related(one, found) for one in reversed(found.values()))


def _related(one: ProbeCause, own: Collection[str]) -> ProbeCause:
    above = [name for name, symptoms in EXPLAINS.items() if name not in own and one.id in symptoms]
    alike = [other for probe, other in _ALIKE if probe == one.id]
    return ProbeCause(
        cause=one.sentence, remedy=one.remedy, switches=one.switches or SWITCHES.get(one.id, {}),
        explains=(*one.explains, *alike, *(name for name in EXPLAINS.get(one.id, ()) if name != one.id)),
        symptom_of=(*one.symptom_of, *alike, *above, *(name for name in WHATEVER if name != one.id)),
    )  # fmt: skip
