"""The built-in profiles: complete, consistent, and true to the published tables."""

from urllib.parse import urlsplit

import pytest

from kvv_action.profiles.loader import load, names
from kvv_action.profiles.model import BenchmarkRules, Contract, ImmutableParameter, Profile
from kvv_action.profiles.thinking import sampling_for, thinks
from kvv_action.schema import Severity
from tests.profiles.families import KIMI, OTHERS

MODEL_FACTS_HOSTS = {"huggingface.co", "github.com", "platform.kimi.ai"}
OTHER_HOSTS = {
    "arxiv.org", "api-docs.deepseek.com", "cookbook.openai.com", "dev.to", "developer.mittwald.de", "docs.z.ai",
    "platform.minimax.io", "platform.openai.com",
}  # fmt: skip
"""Of other makers, and of vendors who say what they saw of a model."""
ENGINE_HOSTS = {"docs.sglang.io", "docs.vllm.ai", "recipes.vllm.ai"}
"""Of engines, who say how they serve a model."""


def hosts(profile: str) -> set[str]:
    """Where the facts of a profile may come from."""
    return MODEL_FACTS_HOSTS if profile in KIMI else MODEL_FACTS_HOSTS | OTHER_HOSTS


@pytest.fixture(params=names())
def profile(request: pytest.FixtureRequest) -> Profile:
    return load(request.param)


def rules(profile: str, benchmark: str) -> BenchmarkRules:
    return load(profile).benchmarks[benchmark]


def test_names() -> None:
    """Every model of the mission has a profile, and models of other makers."""
    assert names() == (
        "deepseek-v4.1-flash",
        "generic",
        "glm-5.3",
        "gpt-oss-120b",
        "kimi-k2-0905",
        "kimi-k2-thinking",
        "kimi-k2.5",
        "kimi-k2.6",
        "kimi-k2.7",
        "kimi-k2.8-preview",
        "kimi-k3",
        "kimi-k3.1-pro",
        "minimax-m3",
        "qwen3.8",
    )


def test_builtin_loads(profile: Profile) -> None:
    """Every built-in loads, keeps its name, and always has the pre-verification."""
    assert profile.name in names()
    assert profile.title
    assert profile.model
    assert "precheck" in profile.benchmarks


def test_sources(profile: Profile) -> None:
    """Facts and references come from the model's publisher."""
    urls = [*profile.sources, *(r.reference.source for r in profile.benchmarks.values() if r.reference)]
    assert urls
    assert {urlsplit(url).hostname for url in urls} <= hosts(profile.name)


@pytest.mark.parametrize("on", [None, True, False])
def test_locked_parameters_equal_sampling(profile: Profile, on: bool | None) -> None:
    """What is sent in a mode is what the official API accepts in that mode."""
    thinking = thinks(profile.thinking, on)
    sent = {id_: sampling_for(r, thinking) for id_, r in profile.benchmarks.items()}
    for parameter in profile.parameters:
        only = parameter.thinking_value if thinking else parameter.value
        assert {s[parameter.name] for s in sent.values() if parameter.name in s} <= {only}


def test_vision_benchmarks_need_a_model_that_sees(profile: Profile) -> None:
    """A text-only model has no image benchmark, and every other has both."""
    assert {"ocrbench", "mmmu_pro"} & set(profile.benchmarks) == ({"ocrbench", "mmmu_pro"} if profile.vision else set())


def test_aime_tiers(profile: Profile) -> None:
    """AIME 2025 runs all 30 problems with 1, 8 and 32 answers each; not where nothing is known of a model.

    Where smoke asks it without being told to, it asks each problem four times: thirty answers decide little.
    """
    if profile.name == "generic":
        assert set(profile.benchmarks) == {"precheck"}
        return
    tiers = profile.benchmarks["aime2025"].tiers
    assert {name: (tier.limit, tier.epochs) for name, tier in tiers.items()} == {
        "smoke": (None, 1 if tiers["smoke"].only_named else 4),
        "standard": (None, 8),
        "full": (None, 32),
    }


def test_full_tier_takes_everything(profile: Profile) -> None:
    """No benchmark is cut at the full tier."""
    assert all(r.tiers["full"].limit is None for r in profile.benchmarks.values())


def test_margins_have_a_reference(profile: Profile) -> None:
    """A margin counts from something."""
    assert all(r.reference for r in profile.benchmarks.values() if r.margin is not None)


@pytest.mark.parametrize(
    ("name", "benchmark", "temperature", "max_tokens"),
    [
        ("kimi-k2.5", "ocrbench", 1.0, 16384),
        ("kimi-k2.5", "mmmu_pro", 1.0, 65536),
        ("kimi-k2.6", "aime2025", 1.0, 98304),
        ("kimi-k2.7", "mmmu_pro", 1.0, 65536),
        ("kimi-k3", "mmmu_pro", 1.0, 98304),
        ("kimi-k3", "aime2025", 1.0, 98304),
        ("kimi-k3", "beam", 1.0, 32768),
        ("kimi-k2-0905", "aime2025", 0.6, 98304),
    ],
)
def test_sampling(name: str, benchmark: str, temperature: float, max_tokens: int) -> None:
    """Sampling follows the upstream tables."""
    expected = {"temperature": temperature, "top_p": 0.95, "max_tokens": max_tokens}
    assert rules(name, benchmark).sampling == expected


@pytest.mark.parametrize(
    ("name", "sampling"),
    [("kimi-k2-thinking", {"temperature": 1.0, "max_tokens": 64000}), ("kimi-k2-0905", {"temperature": 0.6})],
)
def test_toolcall_sampling(name: str, sampling: dict[str, float]) -> None:
    """Tool calls are sampled as in the published K2VV runs."""
    assert rules(name, "toolcall").sampling == sampling


def test_sampling_without_thinking() -> None:
    """Turning thinking off changes the temperature and nothing else."""
    aime = rules("kimi-k2.6", "aime2025")
    assert sampling_for(aime, False) == {**aime.sampling, "temperature": 0.6}


@pytest.mark.parametrize("name", ["kimi-k2-0905", "kimi-k2-thinking"])
def test_early_models_lock_nothing(name: str) -> None:
    """No locked parameters are documented before K2.5."""
    assert load(name).parameters == ()


@pytest.mark.parametrize("name", ["kimi-k2.5", "kimi-k2.6"])
def test_locked_temperature(name: str) -> None:
    """The temperature's only value depends on thinking; upstream's wrong values are refused in both modes.

    Whether values from 0 to 1 are refused while thinking is open: upstream wants 0.0 and 0.6 accepted, Moonshot none.
    """
    temperature = load(name).parameters[0]
    assert temperature == ImmutableParameter(
        name="temperature", value=0.6, thinking_value=1.0, rejected=(1.1, 2.0, -0.1), open=(0.0, 1.0)
    )
    assert temperature.is_open(0.6, thinking=True)
    assert not temperature.is_open(0.5, thinking=False)
    assert not temperature.is_open(True, thinking=True)


def test_thinking_value_defaults_to_value() -> None:
    """A parameter without a value of its own for thinking has one value."""
    top_p = load("kimi-k2.5").parameters[1]
    assert top_p.thinking_value == top_p.value == 0.95


def test_k3_contracts() -> None:
    """K3 has the whole feature contract and its token constants."""
    profile = load("kimi-k3")
    assert profile.contracts == tuple(Contract)
    assert profile.prompt_tokens == {"no-format": 36, "json-schema": 119}


def test_wrong_values_are_upstream_s() -> None:
    """Every Kimi that locks parameters has exactly the seven wrong values that upstream sends; others have some."""
    seven = {("temperature", 1.1), ("temperature", 2.0), ("temperature", -0.1), ("top_p", 0.8), ("n", 2)}
    seven |= {("presence_penalty", 0.5), ("frequency_penalty", 0.5)}
    for profile in map(load, names()):
        wrong = {(parameter.name, value) for parameter in profile.parameters for value in parameter.rejected}
        assert wrong in (seven, set()) or (profile.name in OTHERS and wrong < seven)


def test_what_was_measured_of_k3_is_not_held_against_k31() -> None:
    """References, margins and token counts stay with the model that they were measured of."""
    successor = load("kimi-k3.1-pro")
    assert all((r.reference, r.margin) == (None, None) for r in successor.benchmarks.values())
    assert (successor.prompt_tokens, successor.tokens.measured) == ({}, False)
    assert successor.tokens.cases == load("kimi-k3").tokens.cases
    assert successor.contracts == load("kimi-k3").contracts


@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("kimi-k2-0905", Severity.FAILURE),
        ("kimi-k2-thinking", Severity.FAILURE),
        ("kimi-k2.5", Severity.WARNING),
        ("kimi-k2.6", Severity.WARNING),
        ("kimi-k2.7", Severity.WARNING),
        ("kimi-k3", Severity.INFORMATION),
    ],
)
def test_foreign_ids_are_a_failure_of_early_models_only(name: str, official: Severity) -> None:
    """Later models are not measured: a warning, or information where the sources contradict each other."""
    assert load(name).call_ids.level("official") is official
    assert load(name).call_ids.format


def test_every_fact_has_a_source_and_a_date(profile: Profile) -> None:
    """What a profile says is covered by where it comes from."""
    told = {about.partition(".")[0] for fact in profile.facts for about in fact.about}
    said = {"thinking", "benchmarks", "context_window"}
    keys = ("parameters", "contracts", "tool_call_id", "surfaces", "engine_options")
    said |= {key for key in keys if getattr(profile, key)}
    assert said <= told
    of_engines = [fact for fact in profile.facts if fact.about[0].startswith("engine_options.")]
    of_model = [fact for fact in profile.facts if fact not in of_engines]
    assert {urlsplit(fact.source).hostname for fact in of_model} <= hosts(profile.name)
    assert {urlsplit(fact.source).hostname for fact in of_engines} <= ENGINE_HOSTS


def test_every_model_with_open_weights_says_how_engines_serve_it(profile: Profile) -> None:
    """Both engines for its tool calls; a model that thinks also for its thinking, or else neither."""
    if profile.name in ("generic", "kimi-k2.8-preview"):
        assert not profile.engine_options
        return
    options = {"--tool-call-parser"} | ({"--reasoning-parser"} if profile.thinking.supported else set())
    assert {str(engine): set(own) for engine, own in profile.engine_options.items()} == dict.fromkeys(
        ("vLLM", "SGLang"), options
    )


def test_k3_aime_is_noted() -> None:
    """AIME runs for K3 without a reference, and says so."""
    aime = rules("kimi-k3", "aime2025")
    assert (aime.reference, aime.margin) == (None, None)
    assert "no reference" in aime.note


def test_k25_references() -> None:
    """The scores of the K2.5 card are references."""
    found = {id_: r.reference.value for id_, r in load("kimi-k2.5").benchmarks.items() if r.reference}
    assert found == {"ocrbench": 0.923, "mmmu_pro": 0.785, "aime2025": 0.961, "swebench": 0.768}
