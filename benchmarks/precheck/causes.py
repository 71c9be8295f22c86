"""Causes that several suites find, each with what a serving engineer can do about it."""

from collections.abc import Mapping

from kvv_action.causes import Cause, id_of_sentence, in_general


class ProbeCause(Cause):
    """A cause that a probe finds. Its id follows from its sentence, unless `name` gives another one."""

    __slots__ = ()

    def __init__(
        self,
        cause: str,
        remedy: str,
        *,
        name: str = "",
        switches: Mapping[str, str] | None = None,
        explains: tuple[str, ...] = (),
        symptom_of: tuple[str, ...] = (),
    ) -> None:
        super().__init__(
            id=name or id_of_sentence(cause), sentence=cause, remedy=remedy, switches=switches or {}, explains=explains,
            symptom_of=symptom_of,
        )  # fmt: skip

    @property
    def cause(self) -> str:
        """The sentence."""
        return self.sentence

    def seen(self, extent: str) -> "ProbeCause":
        """The same cause, with what this run knows in addition."""
        return ProbeCause(cause=f"{self.cause}: {extent}", remedy=self.remedy, name=self.id)


def of_check(cause: Cause) -> ProbeCause:
    """A cause of the checks over all answers, for a probe that finds the same defect."""
    sentence = in_general(cause.sentence)
    return ProbeCause(cause=sentence, remedy=cause.remedy, name=cause.id, switches=cause.switches)


# fmt: off
PLAIN_REFUSED = ProbeCause("a plain request is refused",
    "check model name, chat template and max_tokens handling with this one request")
PLAIN_EMPTY = ProbeCause("a plain request gets an empty answer",
    "check the chat template and the reasoning parser: content may end up in no field at all")
DEFAULT_REFUSED = ProbeCause("the model's own parameter values are refused",
    "accept the documented value when a client sends it explicitly")
UNLOCKED = ProbeCause("locked decoding parameters can be changed",
    "refuse other values with HTTP 400 as the official API does, or verify with contract: compatible")
THINKING_REFUSED = ProbeCause("thinking cannot be asked for",
    "accept the official `thinking` field or chat_template_kwargs, and set think-mode to the one you accept")
THINKING_LOST = ProbeCause("thinking content is lost",
    "turn the reasoning parser on and return its text as reasoning_content; check think-mode")
THINKING_STUCK = ProbeCause("thinking cannot be turned off",
    "pass the thinking switch on to the chat template; set think-mode to the one that the endpoint accepts")
USAGE_MISSING = ProbeCause("usage is missing",
    "report usage in both modes; when streaming, honour stream_options.include_usage")
PROMPT_MISCOUNTED = ProbeCause("prompt tokens are miscounted",
    "check the tokenizer and what is added to or cut from the prompt")
PICTURE_UNCOUNTED = ProbeCause("prompt tokens do not count pictures",
    "count the tokens of pictures in usage, or find where pictures are dropped before the model")
MODELS_BROKEN = ProbeCause("the list of models is broken",
    "answer GET /models with {data: [{id}]}, or with 404 when there is no list")
MODEL_UNLISTED = ProbeCause("the model is not in the endpoint's own list",
    "check model: a name that is served but not listed may be routed to another model")
CLAMPED = ProbeCause("changed parameters are accepted but not used",
    "refuse what is not supported with HTTP 400: a client cannot see that its value was replaced")
CRASHES = ProbeCause("a class of requests crashes the server",
    "send one of these requests alone, find its error in the log of the engine or gateway, and serve it")
WRONG_STATUS = ProbeCause("invalid requests are refused with the wrong status",
    "answer HTTP 400 to what a client must change: a 5xx says that the server failed, and clients try again")
NOT_HONOURED = ProbeCause("a valid decoding parameter is refused",
    "accept it, or verify with contract: official when the deployment locks parameters on purpose")
PROMPT_CUT = ProbeCause("long prompts are cut silently",
    "refuse a prompt that is too long with HTTP 400; check truncation settings of gateway and engine")
NEEDLE_LOST = ProbeCause("a part of a long prompt does not reach the model",
    "check attention and KV-cache settings for long inputs (window, eviction, RoPE scaling), and truncation")
WINDOW_SMALL = ProbeCause("the context is too small for a long prompt",
    "serve the model's whole window (vLLM: --max-model-len; SGLang: --context-length; TensorRT-LLM: --max_seq_len, "
    "--max_input_len; llama.cpp: --ctx-size; LiteLLM: max_input_tokens of the model)")
BODY_LIMIT = ProbeCause("the size of request bodies is limited",
    "raise the limit on the way to the model: long prompts and pictures need megabytes (nginx and Kong: "
    "client_max_body_size; Apache: LimitRequestBody; Traefik: maxRequestBodyBytes; Envoy: max_request_bytes; "
    "LiteLLM: max_request_size_mb; Express: the limit of its body parser)")
STATUS_WRONG = ProbeCause("prompts beyond the window are refused with the wrong status",
    "answer HTTP 400 and name the window: by other statuses a client cannot tell what to change")
ANSWERS_MIXED = ProbeCause("concurrent requests get each other's answers",
    "check cache keys and batch slots: this leaks one customer's text to another")
LOAD_BREAKS = ProbeCause("many requests at once break answers that arrive whole one by one",
    "let the engine take fewer requests at once and queue the others, or answer 429 or 503, for which clients wait "
    "(vLLM: --max-num-seqs; SGLang: --max-running-requests; TensorRT-LLM: --max_batch_size; nginx: limit_conn)")
# fmt: on
