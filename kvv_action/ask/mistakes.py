"""Tells a mistake of the user from everything else, by how an endpoint refused one plain request.

A mistake says nothing about the vendor: no key, an unknown model, a wrong address. What else can go wrong (an endpoint
that is down or overloaded, a request that it refuses) is no mistake, and is left to the run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from kvv_action.errors import EndpointError, Misdirected, Problem, nearest
from kvv_action.report.text import one_line
from kvv_action.schema import CHAT, FailureKind, Json
from kvv_action.spoken import is_page, page_in_words

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WORDS = 300
"""Characters of an endpoint's own words that are repeated."""
NAMES = 8
"""Names of models that are repeated."""

_QUOTA = re.compile(
    r"insufficient[_ -](user[_ -])?(quota|balance|credit|fund)|exceeded[_ -](your[_ -])?current[_ -]quota"
    r"|quota (is |has been |was )?(exhausted|used up)|out of credits?"
    r"|(balance|credits?)\W+(?:\w+\W+){0,3}(too low|exhausted|not enough|insufficient|negative|used up)"
    r"|(exceeded|used|exhausted)\s+(?:\w+\s+){0,4}credits\b|credit limit (exceeded|reached)|\bhave any credits\b"
    r"|(not[_ ]enough|no|no remaining)[_ ](balance|credits?|funds)\b"
    r"|account\b[^.;\n]{0,80}\b(suspended|overdue|in arrears|not active|in good standing)|arrearage"
    r"|spend(ing)?[_ ](limit|cap)\b|billing[_ ](hard[_ ]limit|not[_ ]active)|key limit exceeded"
    r"|free tier\b[^.;\n]{0,60}\bexhausted|limited to \d+ \w+ calls ?(/|per) ?month"
    r"|payment[_ ]required|(add|needs?|requires?|without) a (valid )?payment method"
    r"|budget has been exceeded|budget_exceeded|exceededbudget|\bover budget"
    r"|余额不足|欠费|请.{0,4}充值|充值后|额度.{0,2}(不足|用[尽完]|耗尽)|(资源包|配额).{0,4}(不足|用[尽完]|耗尽)|预扣费",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\b(invalid|incorrect|missing|no|wrong|expired|unknown|revoked|malformed|bad|multiple)[\s'\"`-]+"
    r"(?:\w+[\s'\"`-]+){0,3}?"
    r"((api|access|subscription|secret)[ _-]?key|bearer|token passed"
    r"|auth(entication|orization)?[\s'\"`]{1,2}(header|token|information)|(api|access|security)[ _]token|credentials?)"
    r"|((api|access|subscription|secret)[ _-]?key|secretid|credentials?|(api|access|security)[ _]token|\bjwt"
    r"|auth(entication|orization)?[\s'\"`]{1,2}(header|token))"
    r"\W+(?:\w+\W+){0,6}?(invalid|incorrect|missing|required|expired|not (found|valid|provided|set|in the form)"
    r"|no longer valid|revoked|wrong)"
    r"|(please|must|need to|did ?n[o']t|did not|do not) (provide|pass|include|supply|send|set|carry)\W+(?:\w+\W+){0,3}?"
    r"((api|access|subscription|secret)[ _-]?(secret[ _-]?)?key|authentication token|credentials|bearer)"
    r"|no connected db|auth(entication|orization)[_ ]?error|auth(entication|orization) (failed|required)"
    r"|invalid authentication|authfailure|iam certification|log ?in (fail|required)|invalid username or password"
    r"|invalid_token|\btoken (has |is )?(been )?expired|\"(invalid token|token (is )?invalid)[.!]?\""
    r"|unauthori[sz]ed|unauthenticated|not authenticated|(invalid|incorrect|missing)_api_key"
    r"|(无效|未提供|缺少|没有)(的|有效)*\s*(令牌|密钥|api[ _-]?key)"
    r"|(令牌|密钥|api[ _-]?key)\s*.{0,4}(无效|错误|过期|失效|非法|不正确|不可用|不存在)"
    r"|\btoken\s*已?(无效|过期|失效|非法)"
    r"|(鉴权|认证|身份验证)(失败|错误|未通过)|无法进行身份验证|未授权",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model[_ ]not[_ ](found|supported)|not found the model|no such model|unknown model|(invalid|unavailable) model\b"
    r"|not a valid model|unable to access (the )?model|no endpoints? found|deploymentnotfound"
    r"|no (available )?channel for model|not supported by any provider"
    r"|model (identifier|id|name) is (invalid|unknown)|unexpected model name|on-demand throughput"
    r"|\baccess (to )?(the |this )?model\b|model[ .]?access[ ]?denied|not activated the model"
    r"|not (a|support(ed)?( (by|in|for))?( the)?) chat[ -](completions?|model)|\bbody\.model:|\"param\"\s*:\s*\"model\""
    r"|model\W{1,3}\S{1,80}?\W{1,3}is (invalid|unknown|not supported)"
    r"|(model|deployment)\b[^;\n]{0,80}?\b(not (be )?found|does ?n[o']t exist|not exist|not deployed|not loaded"
    r"|not served|is not available|inaccessible|decommissioned|retired)"
    r"|模型.{0,60}(不存在|无可用|未开通|已下线)|未开通.{0,4}模型|不支持(的|该|此)模型|找不到.{0,4}模型|无可用渠道",
    re.IGNORECASE,
)
_KEY_WITHOUT_MODEL = re.compile(
    r"invalid model for key|key_model_access_denied|\baccess (to )?(the |this )?model\b", re.IGNORECASE
)
"""Words of a refused key that other models would not refuse."""
_PLACE = re.compile(
    r"(country|region|territory|location)\b[^.;\n]{0,60}\bnot (supported|available|allowed|permitted)"
    r"|unsupported[_ ]country"
    r"|\bip( address)?\b[^;\n]{0,60}\b(not (allowed|permitted|authori[sz]ed|in)|blocked|denied)",
    re.IGNORECASE,
)
"""How a refusal says that it is about where the request comes from."""
_REQUIRED = re.compile(r"missing field [`'\"](\w{1,80})|\bbody\.(\w{1,80}): field required", re.IGNORECASE)
"""The name of a field that a request lacks, as servers in Rust and in Python say it."""
_OF_CHAT = ("model", "messages", "max_tokens", "max_completion_tokens", "stream", "temperature", "top_p", "n", "user")
"""Fields that a chat API, right or wrong, may require."""
_MODEL_CODE = re.compile(r"model_not_found|no (available )?channel for model|无可用渠道", re.IGNORECASE)
"""Words for an unknown model that count even with a 5xx."""
BASE_URL = re.compile(r"(?<![\w-])base-url\b")
"""The setting in the advice about a connection, which names it alike for every endpoint."""
_PLAIN_AT_TLS = re.compile(r"plain http|http request (was sent )?to (an )?https", re.IGNORECASE)
_WALL = re.compile(r"\s*error code: 1\d{3}\s*")
"""All that Cloudflare's firewall says to a client that is no browser."""
_IDS = re.compile(r'"id"\s*:\s*"([^"\\]{1,200})"')
NO_ANSWER = (FailureKind.BAD_RESPONSE, FailureKind.EMPTY_STREAM)
"""A whole response that holds nothing of an answer."""
_FORM = "Base URLs end with the version, as in https://api.example.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """How an endpoint is contacted, as far as the user set it.

    Attributes:
        prefix: of the settings' names: empty, `reference-` or `judge-`.
        key: whether one is set.
        proxy: the variable that names a proxy on the way; empty for none.
        proxy_address: without credentials.
        contained: this process runs in a container.
    """

    base_url: str
    model: str
    key: bool
    prefix: str = ""
    proxy: str = ""
    proxy_address: str = ""
    contained: bool = False

    @property
    def host(self) -> str:
        """The host of the base URL."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def name(self) -> str:
        """The endpoint in a sentence."""
        return f"the {self.prefix}endpoint".replace("-", " ")

    @property
    def key_variable(self) -> str:
        """Where its key comes from."""
        return f"KVV_{self.prefix}api-key".upper().replace("-", "_")

    @property
    def through(self) -> str:
        """The proxy on the way and the way around it, as a sentence; empty for none."""
        if not self.proxy:
            return ""
        return (
            f" The request went through {self.proxy} ({self.proxy_address}); set NO_PROXY={self.host} to go without it."
        )

    @property
    def around(self) -> str:
        """What stands between this process and the endpoint, as sentences: a proxy, a container's own network."""
        if not self.contained or self.host not in LOOPBACK:
            return self.through
        inside = f"kvv runs in a container, in which {self.host} is that container: name the machine or the service."
        return f"{self.through} {inside}"

    def problem(self, setting: str, told: str, *, value: str = "", guess: str | None = None) -> Problem:
        """What to change in a setting of this endpoint; a proxy on the way is named."""
        if setting == "base-url" or (setting == "api-key" and self.base_url.startswith("http:")):
            told += self.through
        return Problem(name=f"{self.prefix}{setting}", value=value, allowed=told, nearest=guess)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """One plain request that brought no answer, and what explains it.

    Attributes:
        error: how it failed.
        models: the names that the endpoint lists; None when it gave no list.
        found: the base URL at which there is an API; empty when none was found.
        other: what came in the place of the list of models was an answer, and no list.
    """

    error: EndpointError
    models: Sequence[str] | None = None
    found: str = ""
    other: bool = False

    @property
    def text(self) -> str:
        """Everything that the endpoint said."""
        return f"{own_words(self.error)}\n{self.error.body}"


def own_words(error: EndpointError) -> str:
    """An error in the endpoint's own words, harmless and short; of a page the title."""
    last = error.attempts[-1].message if error.attempts else error.message
    if is_page(error.body) and error.kind is FailureKind.BAD_RESPONSE:
        last = f"HTTP {error.status}: {page_in_words(error.body)}"
    return one_line(last, WORDS).rstrip(".")


def listed(text: str) -> tuple[str, ...] | None:
    """The names in a list of models; None for what is no such list."""
    try:
        answer: Json = orjson.loads(text)
    except orjson.JSONDecodeError:  # a long one is cut
        return tuple(_IDS.findall(text)) or None if text.lstrip()[:1] in ("{", "[") else None
    rows = answer.get("data", answer.get("models")) if isinstance(answer, dict) else answer
    if not isinstance(rows, list):
        return None
    named = [row.get("id") or row.get("name") if isinstance(row, dict) else row for row in rows]
    names = tuple(name for name in named if isinstance(name, str) and name)
    empty = not rows and isinstance(answer, dict)
    return names if names or empty else None  # any address may answer with an array of something else


def similar(model: str, models: Sequence[str]) -> str | None:
    """The listed name that was most likely meant, whatever its maker and its capitals."""
    short = {name.lower().rpartition("/")[2]: name for name in models}
    guess = nearest(model.lower().rpartition("/")[2], short)
    return one_line(short[guess], 200) if guess else None


def mistake_of(approach: Approach, refused: RefusedRequest) -> Problem | None:
    """What the user must change; None when nothing shows a mistake."""
    for judge in (_way, _quota, _model, _place, _key, _address):
        if problem := judge(approach, refused):
            return problem
    return None


def _way(approach: Approach, refused: RefusedRequest) -> Problem | None:
    """What was sent did not come to the endpoint."""
    error, words = refused.error, BASE_URL.sub(f"{approach.prefix}base-url", own_words(refused.error))
    named = urlsplit(approach.proxy_address).hostname or "the proxy"
    at_proxy = error.status == 407 or (isinstance(error, Misdirected) and ("the proxy" in words or named in words))
    if approach.proxy and at_proxy:
        told = f"{_sentence(words)}. Correct the proxy ({approach.proxy_address}), or set NO_PROXY={approach.host}."
        return Problem(name=approach.proxy, value="", allowed=told)
    if isinstance(error, Misdirected):
        check = " Check its spelling, and this machine's network." if "there is no host named" in words else ""
        return approach.problem("base-url", f"{_sentence(words)}.{check}", value=approach.base_url)
    if error.kind is FailureKind.REDIRECT:
        told = f"{_sentence(approach.name)} only redirects ({words})."
        return approach.problem("base-url", told, value=approach.base_url)
    if error.status == 400 and _PLAIN_AT_TLS.search(refused.text):
        told = f"The port speaks TLS ({words}); set {approach.prefix}base-url to {secure(approach.base_url)}."
        return approach.problem("base-url", told, value=approach.base_url)
    if error.status in (426, 505):
        told = f"{_sentence(approach.name)} asks for another protocol than HTTP/1.1 ({words}); use a gateway."
        return approach.problem("base-url", told, value=approach.base_url)
    return None


def _quota(approach: Approach, refused: RefusedRequest) -> Problem | None:
    status = refused.error.status or 0
    if status != 402 and not (_spoken(refused) and _QUOTA.search(refused.text)):
        return None
    told = f"The account of this key has no quota or balance left ({own_words(refused.error)}). "
    return approach.problem("api-key", told + f"Top it up, or set another key as {approach.key_variable}.")


def _model(approach: Approach, refused: RefusedRequest) -> Problem | None:
    error, models = refused.error, refused.models or ()
    unlisted = bool(models) and approach.model not in models
    if error.status in (400, 404, 410, 422, 403) or (_spoken(refused) and error.status == 200):
        named = unlisted and approach.model.lower() in refused.text.lower()
        known = bool(_MODEL.search(refused.text)) or (error.status in (400, 404, 422) and named)
        known = known or (error.status == 404 and unlisted and not is_page(error.body))
    elif error.status == 401:
        known = _KEY_WITHOUT_MODEL.search(refused.text) is not None
    else:
        known = bool(error.status and error.status >= 500 and _MODEL_CODE.search(refused.text))
    if not known:
        return None
    told = f"{_sentence(approach.name)} does not serve this model ({own_words(error)})"
    if approach.model in models:
        told += "; it lists the model, so check that the key may use it, and that it is a model for chat."
    else:
        told += f"; it lists {_names(models)}." if models else "; it gives no list of models."
    return approach.problem("model", told, value=approach.model, guess=similar(approach.model, models))


def _place(approach: Approach, refused: RefusedRequest) -> Problem | None:
    status = refused.error.status
    if status != 451 and not (status in (401, 403) and _PLACE.search(refused.text)):
        return None
    told = f"{_sentence(approach.name)} does not serve this machine's country or network ({own_words(refused.error)}). "
    return approach.problem("base-url", told + "Run kvv where it does, or let the vendor allow this address.")


def _key(approach: Approach, refused: RefusedRequest) -> Problem | None:
    if not is_about_key(refused.error):
        return None
    words = own_words(refused.error)
    if not approach.key:
        told = f"No API key is set, and {approach.name} refuses requests without one ({words}). "
        return approach.problem("api-key", told + f"Set {approach.key_variable}.")
    told = f"{_sentence(approach.name)} refuses the API key ({words}). Check {approach.key_variable}: "
    return approach.problem("api-key", told + "that it is whole, still valid, and a key of this endpoint.")


def is_about_key(error: EndpointError) -> bool:
    """Whether an endpoint refused a request for its key."""
    if error.status == 403 and _is_wall(error):
        return False
    refused = RefusedRequest(error=error)
    return error.status in (401, 403) or (
        _spoken(refused) and error.status != 429 and _KEY.search(refused.text) is not None
    )


def _is_wall(error: EndpointError) -> bool:
    """Whether a firewall or a login page answered, not the endpoint."""
    return is_page(error.body) or _WALL.fullmatch(error.body) is not None


def _address(approach: Approach, refused: RefusedRequest) -> Problem | None:
    error, words = refused.error, own_words(refused.error)
    unable = error.status == 501 and refused.models is None  # a file server knows no POST
    page = _is_wall(error) and ((error.status or 0) < 500 or unable) and error.status not in (408, 429)
    unread = error.status in (406, 415) and refused.models is None  # no JSON, to a request that is JSON alone
    nowhere = error.status in (404, 405, 410, 421) or unable or unread
    if refused.found and (page or nowhere or error.kind is FailureKind.BAD_RESPONSE):
        told = f"There is no chat API at this address ({words}); set {approach.prefix}base-url to {refused.found}."
        return approach.problem("base-url", told, value=approach.base_url)
    if page:
        told = f"The address answers with a web page, not as an API ({words}). {_FORM}. A login page or a firewall may"
        return approach.problem("base-url", f"{told} stand in front of the endpoint.", value=approach.base_url)
    if nowhere:
        told = f"There is no chat API at this address (POST {CHAT}: {words}). {_FORM}."
        return approach.problem("base-url", told, value=approach.base_url)
    if (required := _REQUIRED.search(own_words(error))) and error.status in (400, 422):
        name = required[1] or required[2]
        if name not in _OF_CHAT:
            told = f"What answers at this address is another API: it requires the field {name} ({words}). {_FORM}."
            return approach.problem("base-url", told, value=approach.base_url)
    if refused.other and error.kind in NO_ANSWER:
        told = f"What answers at this address is no chat API: it lists no models, and POST {CHAT} brings no answer"
        return approach.problem("base-url", f"{told} ({words}). {_FORM}.", value=approach.base_url)
    return None


def _spoken(refused: RefusedRequest) -> bool:
    """Whether the words are those of an endpoint about a request: a refusal, or an error in any dress."""
    error = refused.error
    return error.status is not None and error.kind not in (FailureKind.TRUNCATED, FailureKind.SERVER_ENDED)


def secure(base_url: str) -> str:
    """The same address over TLS."""
    return "https" + base_url.removeprefix("http") if base_url.startswith("http:") else base_url


def _names(models: Sequence[str]) -> str:
    shown = ", ".join(one_line(name, 80) for name in models[:NAMES])
    return f"{shown} and {len(models) - NAMES} more" if len(models) > NAMES else shown


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
