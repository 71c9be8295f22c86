"""First contact: what condemns, what does not, and what is sent."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import orjson
import pytest

from kvv_action.ask.budget import Budget, BudgetSpent, Limits
from kvv_action.ask.contact import Contact, PlainRequest, first_contact
from kvv_action.ask.mistakes import Approach, RefusedRequest, listed, mistake_of, similar
from kvv_action.errors import EndpointError, Misdirected, Rejected, RunStopped, UsageError
from kvv_action.schema import CHAT, Completion, FailureKind

URL = "http://api.example.com/v1"
APPROACH = Approach(base_url=URL, model="kimi-k2.6", key=True)
LIST = Completion(content='{"data": [{"id": "kimi-k2.6"}]}', choices=0)
HELLO = Completion(content="Hello", usage={"prompt_tokens": 11, "completion_tokens": 2})


def refused(
    status: int, message: str, *, body: str = "", models: tuple[str, ...] | None = ("kimi-k2.6",)
) -> RefusedRequest:
    """A refusal as the client raises it."""
    kinds = {401: FailureKind.AUTH, 403: FailureKind.AUTH, 429: FailureKind.RATE_LIMITED}
    kind = kinds.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.REJECTED)
    error = EndpointError(kind, f"HTTP {status}: {message}", status=status, body=body)
    return RefusedRequest(error=error, models=models)


@pytest.mark.parametrize(
    ("status", "message", "setting"),
    [
        (401, "Incorrect API key provided: sk-***. You can find your API key at https://example.com.", "api-key"),
        (401, "Invalid Authentication", "api-key"),
        (401, "User not found.", "api-key"),
        (403, "forbidden", "api-key"),
        (400, "No connected db.", "api-key"),
        (400, "API key not valid. Please pass a valid API key.", "api-key"),
        (400, "Missing or malformed `Authorization` header", "api-key"),
        (500, "Authentication Error, No api key passed in.", "api-key"),
        (402, "Insufficient Balance", "api-key"),
        (402, "This request requires more credits, or fewer max_tokens.", "api-key"),
        (403, "Your account balance is insufficient", "api-key"),
        (429, "You exceeded your current quota, please check your plan and billing details.", "api-key"),
        (429, "Your account cv-1 is suspended, please check your plan and billing details", "api-key"),
        (429, "余额不足或无可用资源包,请充值。", "api-key"),
        (400, "Your credit balance is too low to access the API.", "api-key"),
        (400, "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0", "api-key"),
        (400, "Access denied due to missing subscription key.", "api-key"),
        (400, "The security token included in the request is expired", "api-key"),
        (400, "Multiple authentication credentials received. Please pass only one.", "api-key"),
        (400, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections", "api-key"),
        (400, "You didn't provide an API key.", "api-key"),
        (400, "Please provide an API key", "api-key"),
        (400, "invalid_token: The access token expired", "api-key"),
        (400, "invalid api token", "api-key"),
        (400, "Authorization header is correct, but the token seems invalid", "api-key"),
        (400, "Incorrect IAM authentication information: decrypt token fail", "api-key"),
        (400, "login fail: Please carry the API secret key in the 'Authorization' field", "api-key"),
        (400, "Authorization Token非法", "api-key"),
        (400, "令牌已过期或验证不正确", "api-key"),
        (400, "鉴权失败", "api-key"),
        (400, "未提供令牌", "api-key"),
        (500, "Authorization failed", "api-key"),
        (400, "Access denied, please make sure your account is in good standing.", "api-key"),
        (403, "Your newly created team doesn't have any credits yet.", "api-key"),
        (429, "You have exceeded your monthly included credits for Inference Providers.", "api-key"),
        (429, "Your team has either used all available credits or reached its monthly spending limit.", "api-key"),
        (429, "Key limit exceeded (total limit).", "api-key"),
        (429, "Billing hard limit has been reached", "api-key"),
        (429, "Your account is not active, please check your billing details on our website.", "api-key"),
        (429, "ExceededBudget: User=x over budget. Spend=1, Budget=0.5", "api-key"),
        (429, "当前账户可用额度不足，请前往充值", "api-key"),
        (401, "your key has no access to model x", "model"),
        (403, "key not allowed to access model. This key can only access models=['a']", "model"),
        (403, "Model access denied.", "model"),
        (400, "The model does not support Chat Completions API", "model"),
        (410, "The model x has been retired", "model"),
        (422, "body.model: Input should be 'a' or 'b'", "model"),
        (400, "不支持的模型", "model"),
        (421, "Misdirected Request", "base-url"),
        (404, "The model `x` does not exist or you do not have access to it.", "model"),
        (404, "Not found the model x or Permission denied", "model"),
        (404, 'model "x" not found, try pulling it first', "model"),
        (404, "Model not found, inaccessible, and/or not deployed", "model"),
        (404, "No endpoints found for x.", "model"),
        (404, "The API deployment for this resource does not exist.", "model"),
        (400, "/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view them.", "model"),
        (400, "Model Not Exist", "model"),
        (400, "x is not a valid model ID", "model"),
        (400, "Model does not exist. Please check it carefully.", "model"),
        (400, "The requested model 'x' is not supported by any provider you have enabled.", "model"),
        (400, "模型不存在，请检查模型代码。", "model"),
        (404, "Unable to access model x. Please visit https://example.com/models", "model"),
        (503, "分组 default 下模型 x 无可用渠道", "model"),
        (403, "Country, region, or territory not supported", "base-url"),
        (401, "Your IP address 192.0.2.7 is not allowed to access this resource.", "base-url"),
        (403, "This model is not available in your region: the model is not supported", "model"),
        (404, "Not Found", "base-url"),
        (405, "Method Not Allowed", "base-url"),
        (422, "body.inputs: Field required", "base-url"),
        (422, "Failed to deserialize the JSON body into the target type: missing field `inputs`", "base-url"),
        (451, "Unavailable For Legal Reasons", "base-url"),
        (505, "HTTP Version Not Supported", "base-url"),
    ],
)
def test_wordings_of_real_endpoints(status: int, message: str, setting: str) -> None:
    """Each is the user's to mend, in this setting, with the words once."""
    problem = mistake_of(APPROACH, refused(status, message))
    assert problem is not None
    assert problem.name == setting
    assert str(problem).count(f"HTTP {status}") == 1
    assert message.rstrip(".") in str(problem)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model."),
        (400, "This model's maximum context length is 8 tokens. However, you requested 16; the parameter is invalid."),
        (400, "thinking must be enabled"),
        (400, "No user query found in messages."),
        (400, "chat template not found"),
        (400, "Invalid token in chat template: unexpected token"),
        (429, "Rate limit reached. You can increase your rate limit by adding a payment method to your account."),
        (429, "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day"),
        (429, "Resource has been exhausted (e.g. check quota)."),
        (429, "您当前使用该API的并发数过高，请降低并发，或联系客服增加限额。"),
        (400, "stream_options is not supported"),
        (400, "max_tokens: token count required"),
        (422, "body.max_tokens: Field required"),
        (400, "Failed to deserialize the JSON body into the target type: missing field `stream`"),
        (422, "messages.0.content: field required"),
        (429, "Rate limit reached for model `x` on tokens per minute (TPM). Upgrade at https://example.com/billing"),
        (429, "Too many requests"),
        (500, "Internal Server Error"),
        (500, "image input is not supported - hint: provide the mmproj"),
        (503, "The server is overloaded or not ready yet. Model is loading."),
        (503, "no healthy upstream"),
        (529, "overloaded_error"),
        (504, "Gateway Time-out"),
    ],
)
def test_what_is_no_mistake(status: int, message: str) -> None:
    """Overload, and refusals that may be the vendor's defect."""
    assert mistake_of(APPROACH, refused(status, message)) is None


@pytest.mark.parametrize("piece", ["_", "-", "!", " a", "'", "invalid ", "model ", "<title>", "<!--", "credit "])
@pytest.mark.parametrize("start", ["invalid", "model", "credits ", "account ", "api key ", "<", ""])
def test_hostile_words_take_no_time(start: str, piece: str) -> None:
    """As much text as is kept of a body."""
    body = start + piece * (2048 // len(piece))
    began = time.process_time()
    mistake_of(APPROACH, refused(400, body[:300], body=body))
    assert time.process_time() - began < 0.5


def test_a_page_from_a_gateway_in_trouble_is_no_mistake() -> None:
    """A page with 404 is one, a page with 502 is not."""
    body = "<html><head><title>502 Bad Gateway</title></head></html>"
    assert mistake_of(APPROACH, refused(502, body, body=body)) is None
    found = mistake_of(APPROACH, refused(404, body, body=body))
    assert found is not None
    assert found.name == "base-url"


@pytest.mark.parametrize(
    "body",
    [
        "<script>var a = 1</script><html></html>",
        "\ufeff<!DOCTYPE html><html></html>",
        "<!-- a --><!-- b -->\n<!doctype html><html></html>",
        "<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html></html>",
        "<body><h1>It works!</h1></body>",
        "<meta http-equiv=refresh content='0; url=/login'>",
        "error code: 1020",
    ],
)
def test_pages_and_firewalls_in_any_dress(body: str) -> None:
    """Also with 403: none of them is the endpoint, so none is about the key."""
    for status in (200, 403, 404):
        found = mistake_of(APPROACH, refused(status, body, body=body))
        assert found is not None
        assert found.name == "base-url"


@pytest.mark.parametrize("body", ["", "<html>Error response</html>"])
def test_a_file_server_knows_no_post(body: str) -> None:
    """It says 501 and lists no models; an endpoint that lists some may have a defect."""
    found = mistake_of(APPROACH, refused(501, body, body=body, models=None))
    assert found is not None
    assert found.name == "base-url"
    assert mistake_of(APPROACH, refused(501, body, body=body)) is None


@pytest.mark.parametrize("status", [406, 415])
def test_a_server_that_reads_no_json_is_no_chat_api(status: int) -> None:
    """Unless it lists models: then it may be a defect."""
    found = mistake_of(APPROACH, refused(status, "no", models=None))
    assert found is not None
    assert found.name == "base-url"
    assert mistake_of(APPROACH, refused(status, "no")) is None


def test_a_proxy_on_the_way_is_named() -> None:
    """It may have answered in the endpoint's place where it can read along."""
    approach = Approach(base_url=URL, model="m", key=True, proxy="HTTP_PROXY", proxy_address="http://p.example:1")
    assert "HTTP_PROXY (http://p.example:1); set NO_PROXY" in str(mistake_of(approach, refused(403, "denied")))


def test_a_model_that_only_its_list_knows() -> None:
    """The list explains a bare 404 and never a bare 400; a refused name that is listed is about access."""
    unlisted = ("other",)
    found = mistake_of(APPROACH, refused(404, "Not Found", models=unlisted))
    assert found is not None
    assert (found.name, found.nearest) == ("model", None)
    assert mistake_of(APPROACH, refused(400, "bad request", models=unlisted)) is None
    assert "may use it" in str(mistake_of(APPROACH, refused(404, "The model `kimi-k2.6` does not exist")))


def test_long_lists_are_cut_and_still_read() -> None:
    """64 KiB are kept of a list; eight names are shown."""
    names = [f"maker/model-{number}" for number in range(3000)]
    text = orjson.dumps({"data": [{"id": name, "object": "model"} for name in names]}).decode()[: 64 * 1024]
    found = listed(text)
    assert found is not None
    assert found[:2] == ("maker/model-0", "maker/model-1")
    told = str(mistake_of(APPROACH, refused(404, "no such model", models=found)))
    assert "maker/model-7 and " in told
    assert len(told) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        '"x"',
        "<html>",
        '{"data": 3}',
        '{"detail": "Not Found"}',
        "[]",
        "[1, 2]",
        '{"data": [{"a": 1}]}',
    ],
)
def test_what_is_no_list(text: str) -> None:
    """Anything may come from there."""
    assert listed(text) is None


def test_names_are_alike_whatever_maker_and_capitals() -> None:
    """As people mistype them."""
    assert similar("kimi-k2.6", ("gpt", "moonshotai/Kimi-K2.6")) == "moonshotai/Kimi-K2.6"
    assert similar("kimi-k2.6", ("gpt", "llama")) is None


@dataclass
class FakeEndpoint:
    """Answers by path; keeps what it was sent, with the URL and the key."""

    answers: dict[str, Completion | Exception]
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def dial(self, base_url: str, key: str) -> AsyncIterator["FakeClient"]:
        yield FakeClient(self, base_url, key)


@dataclass
class FakeClient:
    """One client of it."""

    endpoint: FakeEndpoint
    base_url: str
    key: str

    async def complete(self, content: bytes, *, stream: bool, path: str = CHAT) -> Completion:
        return self._answer(path)

    async def fetch(self, path: str) -> Completion:
        return self._answer(path)

    def _answer(self, path: str) -> Completion:
        self.endpoint.sent.append((self.base_url, path, self.key))
        answers = self.endpoint.answers
        answer = answers.get(
            f"{self.base_url}/{path}", answers.get(path, EndpointError(FailureKind.CONNECT, "refused"))
        )
        if isinstance(answer, Exception):
            raise answer
        return answer


async def contact(endpoint: FakeEndpoint, approach: Approach = APPROACH, most: int | None = None) -> Contact:
    plain = PlainRequest.of("kimi-k2.6", {}, stream=True)
    return await first_contact(endpoint.dial, approach, plain, connect=1, patience=1, most=most)


async def test_a_good_endpoint_gets_two_requests() -> None:
    """What came is kept, and how many tokens it took."""
    endpoint = FakeEndpoint({"models": LIST, CHAT: HELLO})
    found = await contact(endpoint)
    assert [path for _, path, _ in endpoint.sent] == ["models", CHAT]
    line = dict(found.line())
    assert line.pop("seconds", 0) < 1
    assert line == {
        "requests": 2, "prompt": 11, "generated": 2, "listed": 1, "models": ("kimi-k2.6",), "answered": True,
        "answer": "Hello",
    }  # fmt: skip


async def test_the_plain_request_is_plain() -> None:
    """No sampling and nothing about thinking; the user's own fields are in it."""
    body = PlainRequest.of("m", {"provider": {"order": ["x"]}}, stream=False).body
    assert set(body) == {"model", "messages", "max_tokens", "provider", "stream"}


async def test_a_budget_of_one_request_is_kept() -> None:
    """The plain request is the one that counts, and no guess is verified."""
    endpoint = FakeEndpoint({CHAT: Rejected(FailureKind.REJECTED, "HTTP 404", status=404)})
    with pytest.raises(UsageError):
        await contact(endpoint, most=1)
    assert [path for _, path, _ in endpoint.sent] == [CHAT]


async def test_the_key_never_goes_out_in_the_clear() -> None:
    """An https address that hangs up is not asked over http."""
    endpoint = FakeEndpoint({"models": EndpointError(FailureKind.DISCONNECTED, "the connection broke")})
    endpoint.answers[CHAT] = endpoint.answers["models"]
    approach = Approach(base_url=URL.replace("http:", "https:"), model="m", key=True)
    found = await contact(endpoint, approach)
    assert {url for url, _, _ in endpoint.sent} == {approach.base_url}
    assert found.warnings == ("the plain request failed (the connection broke)",)


async def test_a_refused_key_stops_a_client_and_is_explained() -> None:
    """The breaker's own exception is unwrapped."""
    stop = RunStopped("stop")
    stop.__cause__ = EndpointError(FailureKind.AUTH, "HTTP 401: no", status=401)
    with pytest.raises(UsageError, match="api-key: The endpoint refuses the API key"):
        await contact(FakeEndpoint({"models": stop, CHAT: stop}))


async def test_what_cannot_connect_is_asked_once() -> None:
    """The plain request would fail alike."""
    endpoint = FakeEndpoint({})
    found = await contact(endpoint)
    assert (len(endpoint.sent), found.down[:21]) == (1, "The endpoint is down:")
    with pytest.raises(UsageError, match="no host named"):
        await contact(FakeEndpoint({"models": Misdirected(FailureKind.CONNECT, "there is no host named x")}))


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (FailureKind.TIMEOUT_CONNECT, "Check base-url and the server, or raise connect-timeout, then run again."),
        (FailureKind.CONNECT, "Check base-url and the server, then run again."),
    ],
)
async def test_a_deadline_of_our_own_is_named(kind: FailureKind, advice: str) -> None:
    """A port that is closed does not open for a longer one."""
    found = await contact(FakeEndpoint({"models": EndpointError(kind, "no")}))
    assert found.down.endswith(advice)


async def test_a_server_that_is_broken_without_a_key_is_no_mistake() -> None:
    """It is asked once more with a key that is none, and says the same."""
    crash = EndpointError(FailureKind.SERVER_ERROR, "HTTP 500: Internal Server Error", status=500)
    endpoint = FakeEndpoint({"models": crash, CHAT: crash})
    found = await contact(endpoint, Approach(base_url=URL, model="m", key=False))
    assert endpoint.sent[-1] == (URL, "models", "none")
    assert found.warnings == ("the plain request failed (HTTP 500: Internal Server Error)",)


@pytest.mark.parametrize("role", ["reference", "judge"])
async def test_another_endpoint_is_named(role: str) -> None:
    """With its own settings and its own variable."""
    approach = Approach(base_url=URL, model="m", key=False, prefix=f"{role}-")
    refusal = EndpointError(FailureKind.AUTH, "HTTP 401: no", status=401)
    variable = f"KVV_{role.upper()}_API_KEY"
    with pytest.raises(UsageError, match=rf"{role}-api-key: .* the {role} endpoint .* Set {variable}"):
        await contact(FakeEndpoint({"models": refusal, CHAT: refusal}), approach)


def test_budgets_count_first_contacts_of_all_sessions() -> None:
    """From the session lines; older ones have none. What a candidate's probabilities took is counted, too."""
    budget = Budget(Limits(requests=10))
    budget.replay((), [{"contact": {"requests": 2, "prompt": 11, "generated": 3}}, {}, {"contact": {"requests": 3}}])
    assert (budget.requests, budget.prompt, budget.generated) == (5, 11, 3)
    budget.replay((), (), [{"requests": 6}, {"unsent": 2, "prompt": 9, "generated": 4}])
    assert (budget.requests, budget.prompt, budget.generated) == (9, 20, 7)
    budget.expect(1)
    with pytest.raises(BudgetSpent, match="takes 2 requests, and max-requests leaves 1"):
        budget.expect(2)


@pytest.mark.parametrize("prefix", ["", "judge-", "reference-"])
def test_a_redirect_names_the_setting_of_its_endpoint(prefix: str) -> None:
    """Who follows the advice changes the right address."""
    error = EndpointError(FailureKind.REDIRECT, "HTTP 302: redirected to https://b; set base-url to the final address")
    found = mistake_of(replace(APPROACH, prefix=prefix), RefusedRequest(error=error, models=None))
    assert found is not None
    assert found.name == f"{prefix}base-url"
    assert f"; set {prefix}base-url to the final address" in found.allowed
