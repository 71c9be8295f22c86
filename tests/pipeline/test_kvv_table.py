"""The table of Kimi-Vendor-Verifier: its name stands only where its own cases were sent."""

from pathlib import Path

import orjson
import pytest

from tests.pipeline.command import demo, kvv

pytestmark = pytest.mark.pipeline

SCHEMAS = ({"type": "string"}, {"type": "integer"}, {"type": "object", "properties": {"a": {"type": "boolean"}}})


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that sends KVV's token cases, schemas of a folder, and probes of ours; its template tells no tools.

    One suite of the folder is called like one of KVV, the other is somebody else's.
    """
    folder = tmp_path_factory.mktemp("kvv")
    for name, schemas in (("TestBasicTypes", SCHEMAS), ("ours", SCHEMAS[:1])):
        suite = folder / "cases" / name
        suite.mkdir(parents=True)
        (suite / "valid.jsonl").write_bytes(b"".join(orjson.dumps(schema) + b"\n" for schema in schemas))
    ran, _ = demo(
        folder / "out", "--profile", "kimi-k3", "--tier", "full", "--benchmarks", "aime2025", "--mfjs-cases",
        folder / "cases", "--precheck", "warn", "--probes",
        "tokens,mfjs.cases.*,mfjs.TestBasicTypes.*,mfjs.ours.*,parameters", "--fault", "template-drops-tools",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    return folder / "out"


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Result and notes by suite."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {name: (found[0], found[1].strip() if len(found) > 1 else "") for name, *found in cells if found}


def test_the_name_stands_where_its_cases_were_sent(out: Path) -> None:
    """44 token cases, and each schema of the folder in both modes; the others say whose they are."""
    ran = kvv("render", "--format", "kvv", out)
    assert ran.status == 0
    found = rows(ran.out)
    result, notes = found["`tests/prompt_tokens`"]
    held, _, sent = result.strip("*").partition("/")
    assert (sent, notes) == ("44", "tools of the request are not in the prompt")
    assert 0 < int(held) < 44
    assert found["`tests/tool_call_json_schema`"] == ("**6/6**", "6 cases were sent, the suite has 382")
    assert found["tool schemas"][0] == "kvv probes 3/3"
    assert found["parameters"][0].startswith("kvv probes ")
    assert found["Model"] == ("kvv subset of AIME 2025, 8 answers", "")
    assert found["kimi-k3"] == ("100.0 %", "")
    assert ran.out.count("`tests/") == 2


def test_the_summary_has_it_folded(out: Path) -> None:
    """The very same text."""
    text = (out / "summary.md").read_text()
    table = kvv("render", "--format", "kvv", out).out
    assert f"<details><summary>The table of Kimi-Vendor-Verifier</summary>\n\n{table}\n</details>" in text


def test_without_its_cases_no_row_bears_its_name(out: Path, tmp_path: Path) -> None:
    """A smaller tier sends none of them."""
    ran, _ = demo(tmp_path, "--profile", "kimi-k2.6", "--benchmarks", "precheck", "--probes", "parameters,tools")
    assert ran.status == 0
    text = kvv("render", "--format", "kvv", tmp_path).out
    assert "tests/" not in text
    assert set(rows(text)) == {"Suite", "parameters", "features"}


def test_nothing_is_written_and_nothing_is_no_table(out: Path, tmp_path: Path) -> None:
    """The command prints; a folder without a run is named."""
    before = {path: path.read_bytes() for path in out.iterdir()}
    kvv("render", "--format", "kvv", out)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    ran = kvv("render", "--format", "kvv", tmp_path)
    assert ran.status == 2
    assert "no such file; name the folder that kvv wrote" in ran.err
    (tmp_path / "a-file").write_text("{}")
    assert "a-file: not a folder; name the folder that kvv wrote" in kvv("render", tmp_path / "a-file").err
    assert kvv("render", "--format", "html", out).status == 2
