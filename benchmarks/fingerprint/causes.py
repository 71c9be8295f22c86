"""The causes that next-token probabilities can show; none of them says how good the answers are."""

from kvv_action.causes import Cause

DIFFERS = Cause(
    id="fingerprint-differs",
    sentence="next-token probabilities differ from the reference by more than the tolerance",
    remedy=(
        "compare weights, number formats of weights, activations and KV cache, and kernels with those of a deployment "
        "within the tolerance, one change at a time: kvv fingerprint shows each in a minute"
    ),
)
ROUTER = Cause(
    id="fingerprint-router",
    sentence="equal requests get different next-token probabilities: sometimes the reference's, sometimes distant ones",
    remedy=(
        "look for a router, a fallback or replicas of another build behind the address: all of them must serve the "
        "same model with the same settings"
    ),
)
TEMPERATURE = Cause(
    id="fingerprint-temperature",
    sentence="tokens are not drawn with the sampling that was asked for",
    remedy="let temperature and top_p of the request reach the sampler: look for defaults and limits that replace them",
    switches={"vLLM": "--generation-config vllm", "SGLang": "--sampling-defaults openai"},
    explains=("fingerprint-exponent",),
)
EXPONENT = Cause(
    id="fingerprint-exponent",
    sentence="next-token probabilities are those of another temperature than the reference's",
    remedy=(
        "send probabilities from before the temperature is applied, as the reference does, or ask both at temperature 1"
    ),
    switches={"vLLM": "--logprobs-mode raw_logprobs"},
)
ANOTHER_PROMPT = Cause(
    id="fingerprint-another-prompt",
    sentence="the same request makes another prompt than at the reference: its number of tokens differs",
    remedy=(
        "serve the chat template and the tokenizer that belong to the weights, and put nothing before the conversation"
    ),
    switches={"vLLM": "--chat-template", "SGLang": "--chat-template"},
)
PROMPT_UNTOLD = Cause(
    id="fingerprint-prompt-untold",
    sentence="answers do not say how many tokens their prompt has, so nothing shows that it is the reference's prompt",
    remedy="send usage.prompt_tokens with every answer",
)
NO_LOGPROBS = Cause(
    id="fingerprint-no-logprobs",
    sentence="answers come without the log probabilities that were asked for",
    remedy=(
        "let the endpoint answer logprobs with top_logprobs, at least in the deployment that is verified; else "
        "kvv fingerprint sample compares drawn tokens: they show another model, template or temperature, nothing finer"
    ),
    switches={"vLLM": "--max-logprobs 20"},
)
OF_CONTENT = Cause(
    id="fingerprint-logprobs-of-content",
    sentence="log probabilities belong to the content alone, so they are not those of the first token",
    remedy="send the log probabilities of the thinking too, or take a reference that was captured without thinking",
)
UNREADABLE = Cause(
    id="fingerprint-unreadable",
    sentence="log probabilities are not in the form of OpenAI's API",
    remedy="send logprobs.content as a list of {token, logprob, bytes, top_logprobs}",
)
UNREAD = (NO_LOGPROBS, OF_CONTENT, UNREADABLE)
"""Why an answer shows no position; the data of a score names one by its number."""
CAUSES = (DIFFERS, ROUTER, TEMPERATURE, EXPONENT, ANOTHER_PROMPT, PROMPT_UNTOLD, *UNREAD)
