"""Holds requests to GitHub's own OpenAPI description (`.ci/github-openapi` fetches it)."""

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests import tools
from tests.tools import NPM

DESCRIPTION = Path(__file__).parents[2] / ".venv/share/github-openapi.json"
FETCH = ".ci/github-openapi"
SERVER = "https://api.github.com"
OPERATIONS = (
    "GET /user",
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/contents/{path}",
    "GET /repos/{owner}/{repo}/git/commits/{commit_sha}",
    "GET /repos/{owner}/{repo}/git/ref/{ref}",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/files",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/forks",
    "POST /repos/{owner}/{repo}/merge-upstream",
    "POST /repos/{owner}/{repo}/git/trees",
    "POST /repos/{owner}/{repo}/git/commits",
    "POST /repos/{owner}/{repo}/git/refs",
    "POST /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "PATCH /repos/{owner}/{repo}/git/refs/{ref}",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
)


def at_hand() -> bool:
    """Whether requests can be held to the description; on a developer's machine they need not be.

    Raises:
        AssertionError: it is absent where npm was promised, which fetches it.
    """
    there = DESCRIPTION.is_file()
    assert there or NPM not in tools.EXPECTED, f"{DESCRIPTION} is absent; {FETCH} fetches it, with npm"
    return there


class Asked:
    """A request in the form that openapi-core reads."""

    def __init__(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> None:
        self.method = method.lower()
        self.path = path
        self.host_url = SERVER
        self.full_url_pattern = SERVER + path
        self.body = body or None
        self.content_type = headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(query), header=Headers(dict(headers)), cookie=ImmutableMultiDict()
        )


@functools.cache
def _parts() -> tuple[OpenAPI, dict[str, Any]]:
    """The description, cut down to the operations above; what they answer is left out."""
    whole = json.loads(DESCRIPTION.read_bytes())
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        method, path = operation.split(" ")
        found = dict(whole["paths"][path][method.lower()])
        found["parameters"] = [_resolved(whole, parameter) for parameter in found.get("parameters", [])]
        found["responses"] = {"default": {"description": "left out"}}
        paths.setdefault(path, {})[method.lower()] = found
    cut = {"openapi": whole["openapi"], "info": whole["info"], "servers": [{"url": SERVER}], "paths": paths}
    return OpenAPI.from_dict(cut), paths


def _resolved(whole: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = whole
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def violations(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> list[str]:
    """What GitHub's description says against a request.

    Beyond the description, which allows any further member: no query parameter and no top-level member of the body
    may be one that it does not name.
    """
    api, paths = _parts()
    template = _template(method, path, paths)
    if template is None:
        return [f"{method} {path}: no such operation"]
    operation = paths[template][method.lower()]
    single = _single_segment(template, path)
    try:
        api.validate_request(Asked(method, single, query, headers, body))  # type: ignore[arg-type]
    except OpenAPIError as error:
        return [f"{method} {path}: {error}: {error.__cause__ or ''}"]
    known = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
    found = [f"{method} {path}: query parameter {name}" for name in query if name not in known]
    if body:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        found += [f"{method} {path}: member {name}" for name in json.loads(body) if name not in schema["properties"]]
    return found


def _template(method: str, path: str, paths: Mapping[str, Any]) -> str | None:
    matching = [
        template for template in paths if method.lower() in paths[template] and re.fullmatch(_pattern(template), path)
    ]
    return max(matching, key=lambda template: template.count("/"), default=None)


def _pattern(template: str) -> str:
    """`{ref}` and `{path}` span segments (`x-multi-segment`)."""
    text = re.sub(r"\{(ref|path)\}", "(.+)", template)
    return re.sub(r"\{\w+\}", "([^/]+)", text)


def _single_segment(template: str, path: str) -> str:
    """openapi-core knows no multi-segment parameters: their slashes are quoted for it."""
    values = re.fullmatch(_pattern(template), path)
    assert values is not None
    quoted = iter(quote(value, safe="%") for value in values.groups())
    return re.sub(r"\{\w+\}", lambda _: next(quoted), template)
