"""`docs/profiles.md`: every key of a profile, from the records that hold them, each with an example."""

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from itertools import pairwise
from typing import Any

from kvv_action.profiles.document import OURS
from kvv_action.profiles.model import (
    BenchmarkRules,
    CallIds,
    Contract,
    Engine,
    Fact,
    ImmutableParameter,
    Profile,
    PublishedReference,
    RightRefusal,
    Surface,
    TemplateNames,
    ThinkingRequest,
    ThinkingRules,
    TierRules,
    TokenRules,
)

HEAD = """# Profiles

A profile says in one TOML file what is known of a model: how it is asked to think, what its API locks and refuses,
how its calls are named, and which scores it has. kvv judges by the profile and knows no maker's name. This page is
written by `.ci/tables`.

## The profiles that are shipped

`kvv profiles` lists them, `kvv profiles NAME` shows one with its sources. `--profile generic` makes no claim about
a model: it checks only what OpenAI's API promises. If no score is published for a model, compare with a [reference
pack](running.md#references-and-packs), a fingerprint or a run against the official endpoint.

## A profile of your own

These commands lead from a model without a profile to a verdict:

```sh
export KVV_API_KEY=...
kvv profiles new --base-url https://api.example.com/v1 --model NAME -o model.toml  # an endpoint that you trust
kvv profiles check model.toml                                                      # after you have read it
kvv run --base-url URL --model NAME --profile model.toml                           # any other endpoint
```

`kvv profiles new` sends about 100 short requests (`--max-requests` sends fewer) and says so before the first one. In
all that is about 40,000 tokens: a minute at an API, an hour at a server that writes ten tokens a second. It writes
down what the endpoint did: locked parameters, how thinking is turned on and off and which field holds it, levels of
effort, the form of ids, control tokens, limits, and whether it returns probabilities of tokens. Each fact is *observed
at that address on that day*, not published: read it, and compare it with what the model's maker says. A fact that
could not be observed is left out. Control tokens can be observed only if the endpoint serves raw prompts
(`/completions`) and counts their tokens.

The file names no benchmark but Pre-Verification. Add a table for each one that shall run, such as
`[benchmarks.aime2025]` with its `sampling` ([every key](#every-key)). Without a `reference` its score is shown and not
judged.

It tries the names that well-known APIs and templates have, values that a refusal lists, and what a server tells of its
template (`/props` of llama.cpp, `/tokenize` of vLLM). If your model's switch, levels or control tokens have names of
their own, give them: `--hints FILE` takes its chat template, its `tokenizer_config.json`, or words. If answers are
noise (random weights, a damaged model), the file says so: it then holds only what the server does.

`kvv profiles diff A B` names each key on which two profiles differ. `kvv profiles check FILE --base-url URL` asks
an endpoint in the same way, and names each key that the endpoint contradicts; the exit status is then 1.

If your model needs a parser for its thinking and its tool calls, name it by engine (`engine_options`): reports then say
`--tool-call-parser my_model` in place of `--tool-call-parser NAME`. `kvv profiles new` cannot observe it.

A file may begin with `extends = "NAME"`, or the path of another file, and say only what differs: tables merge,
other values are replaced. A file with another `model` takes over no score, margin, token count or reference pack.

In a workflow, commit the file, check the repository out, and give the file's path as the input `profile`:

```yaml
name: verify
on: pull_request
permissions: {}
jobs:
  verify:
    runs-on: ubuntu-latest
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - uses: moonshot/kvv-action@v1
        with:
          base-url: https://api.example.com/v1
          api-key: ${{ secrets.KVV_API_KEY }}
          model: NAME
          profile: model.toml
```

From a running server to its verdict these are three commands. In front of vLLM's CPU build with a tiny model they took
82 seconds with `kvv doctor`, and the workflow's step half a minute (two busy cores; `kvv profiles new` sent 114
requests, `kvv run` 58). The weights were random, so the verdict was *fail: answers are not language*: a gate is right
to stop a model that does not do what it is asked. A file of `kvv profiles new` names Pre-Verification alone; a score
is judged when the profile or `reference` gives something to compare with.

Pre-Verification asks for tool calls. If your model makes none, name the suites that apply, as in
`probes: endpoint,tokens,streaming,limits`; else the verdict is *fail: tools are not called*, as for a real model of
135 million parameters, which got 11 of 14 probes right.

For a server without keys (vLLM started on a machine of yours), set `api-key`, and `KVV_API_KEY`, to `EMPTY`.
"""
WHOLE = """schema = 1
title = "My Model 2"
model = "my-model-2"
served_names = ["my-org/My-Model-2"]
sources = ["https://example.org/my-model-2"]
context_window = 131072
output_limit = 65536
word_tokens = 4.3
vision = true
contracts = ["tool-choice", "response-format"]
contract_levels = { response-format = "warning" }
surfaces = ["responses"]
refusals = ["begun-answers", "long-output"]
tool_call_id = "call_{name}_{index}"
markers = ["<|im_end|>"]
reference_pack = "https://example.org/pack.json@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

[prompt_tokens]
no-format = 36

[tokens]
cases = "kimi-k3"
measured = false

[[facts]]
about = ["context_window", "thinking"]
source = "https://example.org/my-model-2"
date = 2026-11-29
note = "As the model card says."

[call_ids]
format = "call_{name}_{index}"
official = "warning"
compatible = "information"

[engine_options.vLLM]
--tool-call-parser = "my_model"
--reasoning-parser = "my_model"

[thinking]
supported = true
switchable = true
default = true
keep = true
strict = true
adaptive = true
efforts = ["low", "high", "max"]
default_effort = "high"
effort_range = [1, 100]
effort_untold = true
answer_field = "reasoning"

[thinking.request]
on = { enable_thinking = true }
off = { enable_thinking = false }
keep = { clear_thinking = false }
effort = "reasoning_effort"

[thinking.template]
switch = "enable_thinking"
keep = "preserve_thinking"
effort = "reasoning_effort"

[[parameters]]
name = "temperature"
value = 0.6
thinking_value = 1.0
rejected = [1.1, 2.0]
open = [0.0, 1.0]
open_without_thinking = [0.5, 0.7]

[benchmarks.precheck]
sampling = { max_tokens = 2048 }

[benchmarks.fingerprint]
reference_file = "my-model-2.jsonl"

[benchmarks.aime2025]
sampling = { temperature = 1.0, top_p = 0.95, max_tokens = 65536 }
without_thinking = { temperature = 0.6 }
thinking = true
epochs = 32
margin = 0.05
note = "Without tools."
tiers = { smoke = { limit = 10, epochs = 1, only_named = true }, standard = { epochs = 8 } }

[benchmarks.aime2025.reference]
value = 0.875
source = "https://example.org/my-model-2"
date = 2026-11-29
n = 960
effort = "high"
note = "Mean of 32 answers to each problem."
"""
ELSE = """schema = 1
title = "My Model 1"
model = "my-model-1"

[thinking]
supported = true
default = true
switch_open = true
efforts = ["low", "high"]
effort_alone = true
inline = ["<think>", "</think>"]

[benchmarks.precheck]
"""
"""What cannot stand beside the keys of `WHOLE`."""
TABLES: Mapping[str, tuple[str, type]] = {
    "": ("Top level", Profile),
    "thinking": ("`[thinking]`", ThinkingRules),
    "thinking.request": ("`[thinking.request]`", ThinkingRequest),
    "thinking.template": ("`[thinking.template]`", TemplateNames),
    "parameters": ("`[[parameters]]`", ImmutableParameter),
    "call_ids": ("`[call_ids]`", CallIds),
    "tokens": ("`[tokens]`", TokenRules),
    "facts": ("`[[facts]]`", Fact),
    "benchmarks.*": ("`[benchmarks.ID]`", BenchmarkRules),
    "benchmarks.*.reference": ("`[benchmarks.ID.reference]`", PublishedReference),
    "benchmarks.*.tiers.*": ("`[benchmarks.ID.tiers.TIER]`", TierRules),
}
"""Heading and record by the place of a table; `*` is any key."""
OF_OTHERS = {
    "schema": "the version of this form: 1",
    "extends": "name or path of the profile that this one changes",
    "title": "name for readers",
    "parameters.name": "field of the request",
    "call_ids.compatible": "the same under `contract: compatible`",
    "call_ids.official": "what another form means under `contract: official`: failure, warning or information",
    "thinking.efforts": "levels of effort, lowest first",
    "benchmarks.*.reference.value": "the score, between 0 and 1",
    "benchmarks.*.reference.source": "where it was published",
    "benchmarks.*.reference.date": "when",
    "benchmarks.*.reference.n": "answers that it rests on",
    "benchmarks.*.reference.note": "for readers of the result",
    "facts.note": "for readers",
    "thinking": "see below", "benchmarks": "by id, see below", "call_ids": "see below", "tokens": "see below",
    "facts": "see below", "parameters": "see below",
    "thinking.request": "see below", "thinking.template": "see below",
    "benchmarks.*.reference": "see below", "benchmarks.*.tiers": "by name, see below",
}  # fmt: skip
"""Where the record itself says nothing, or says it for readers of the code."""
WORDS: tuple[type[StrEnum], ...] = (Contract, RightRefusal, Surface, Engine)


def profiles() -> str:
    """The page."""
    parts = [HEAD, "## Every key\n"]
    for place, (title, record) in TABLES.items():
        parts += [f"### {title}\n", *_rows(place, record), ""]
    parts += ["## Words\n", *_words()]
    parts += ["## A whole profile\n", f"Every key that fits together:\n\n```toml\n{WHOLE}```\n"]
    parts.append(f"Ways that exclude others above:\n\n```toml\n{ELSE}```\n")
    return "\n".join(parts)


def _rows(place: str, record: type) -> Iterator[str]:
    yield "| key | what it says | example |"
    yield "|---|---|---|"
    told, examples = described(record), [_table(tomllib.loads(text), place) for text in (WHOLE, ELSE)]
    first = ("schema", "extends") if place == "" else ()
    ours = OURS if record is Profile else ()
    for key in (*first, *(one.name for one in fields(record) if one.name not in ours)):
        path = f"{place}.{key}" if place else key
        what = _for_files(OF_OTHERS.get(path) or told.get(key, ""))
        found = next((table[key] for table in examples if key in table), None)
        found = "kimi-k2.6" if key == "extends" else found
        elsewhere = what.endswith("see below")
        assert elsewhere or (what and found is not None), path
        cell = "" if elsewhere else f"`{_shown(found)}`"
        yield f"| `{key}` | {what.replace('|', '&#124;')} | {cell.replace('|', '&#124;')} |"


def _for_files(what: str) -> str:
    """The words of a record's docstring, for those who write TOML."""
    pairs = (("None when", "left out when"), ("None means all", "left out: all"), ("True or False", "true or false"),
             ("None sends nothing", "left out: nothing is sent"))  # fmt: skip
    for python, plain in pairs:
        what = what.replace(python, plain)
    return what


def described(record: type) -> dict[str, str]:
    """What the docstring of a record, and of the one that it derives from, says of each attribute."""
    said: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
        for names, words in re.findall(r"^ {4}([\w, ]+): (.+(?:\n {8}.+)*)", text, re.MULTILINE):
            said |= dict.fromkeys((name.strip() for name in names.split(",")), " ".join(words.split()).rstrip("."))
    return said


def _table(found: Any, place: str) -> Mapping[str, Any]:
    """The example's table at a place; of several, those of all together."""
    for name in place.split(".") if place else ():
        values = list(found.values()) if name == "*" and isinstance(found, dict) else [found.get(name, {})]
        merged: dict[str, Any] = {}
        for value in values:
            for one in value if isinstance(value, list) else [value]:
                merged |= one
        found = merged
    return found if isinstance(found, Mapping) else {}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_shown(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool | int | float) else str(value)


def _words() -> Iterator[str]:
    keys = {Contract: "contracts", RightRefusal: "refusals", Surface: "surfaces", Engine: "engine_options"}
    for kind in WORDS:
        about, said = inspect.cleandoc(kind.__doc__ or "").replace("\n", " "), meanings(kind)
        yield f"`{keys[kind]}`: {' '.join(about.split())}\n"
        yield from (f"- `{word}`: {said[word.name]}" for word in kind)
        yield ""


def meanings(kind: type[StrEnum]) -> dict[str, str]:
    """What the string below each member of an enumeration says; the compiler keeps no such strings."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(kind)).body if isinstance(node, ast.ClassDef))
    return {
        member.targets[0].id: text.value.value
        for member, text in pairwise(body)
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
