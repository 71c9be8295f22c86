"""Use cases return records with everything that a front end prints, and print nothing themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from entrypoint import usecases
from entrypoint.settings import load
from entrypoint.usecases.audit import AuditRequest, audit
from entrypoint.usecases.compare import compare_runs
from entrypoint.usecases.finish import finished, packed
from entrypoint.usecases.merge import merge
from kvv_action.compare.records import Regression
from kvv_action.errors import UsageError
from kvv_action.plan.difference import DifferenceKind
from kvv_action.redact import Redactor
from kvv_action.report.files import parse
from kvv_action.schema import Verdict
from tests.patience import unhurried
from tests.pipeline.command import demo

pytestmark = pytest.mark.pipeline


@pytest.fixture(autouse=True)
def not_hurried() -> Iterator[None]:
    """Audits judge as the demonstration did."""
    with unhurried(()):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration that passes."""
    out = tmp_path_factory.mktemp("run") / "out"
    assert demo(out, "--benchmarks", "aime2025")[0].status == 0
    return out


@pytest.fixture
def edited(run: Path, tmp_path: Path) -> Path:
    """The same run with a better count in its report."""
    for name in ("journal.jsonl", "report.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    report = orjson.loads((run / "report.json").read_bytes())
    report["benchmarks"][0]["counts"]["failed"] = 7
    (tmp_path / "report.json").write_bytes(orjson.dumps(report))
    return tmp_path


def test_an_audit_tells_each_difference_as_a_record(edited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place, its kind and both values; the words follow from these."""
    result = audit(AuditRequest(source=edited))
    (difference,) = result.differences
    assert (difference.place, difference.kind) == ("report.benchmarks[0].counts.failed", DifferenceKind.VALUE)
    assert (difference.written, difference.recomputed) == (7, 0)
    assert (result.status, result.redacted) == (1, False)
    assert list(result.lines()) == ["differs: report.benchmarks[0].counts.failed: written 7, recomputed 0"]
    assert capsys.readouterr() == ("", "")


def test_an_audit_of_a_broken_chain_names_the_line(edited: Path) -> None:
    """Nothing else is looked at: what follows from a journal that was changed proves nothing."""
    journal = edited / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"kind":"score"', b'"kind":"scorn"', 1))
    (difference,) = audit(AuditRequest(source=edited)).differences
    assert difference.kind is DifferenceKind.JOURNAL
    assert "the digest of the line before does not match" in str(difference)


def test_a_comparison_names_its_answer_and_its_folder(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files are written; what is printed is somebody else's work."""
    found = compare_runs(run, run, tmp_path / "compared", Redactor(), tolerance=0.2, force=False)
    assert (found.status, found.comparison.regression) == (0, Regression.NONE)
    assert sorted(path.name for path in found.folder.iterdir()) == ["compare.json", "compare.md"]
    assert capsys.readouterr() == ("", "")


def test_a_finished_run_has_its_bundle_or_the_reason_why_not(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that passes and whose evidence cannot be packed does not pass."""
    settings = load({"out": str(run), "bundle": "full"})
    report = parse((run / "report.json").read_bytes())
    done = finished(settings, report, None, Redactor())
    assert (done.status, done.report.verdict, done.baseline, done.bundle) == (0, Verdict.PASS, None, None)
    whole = packed(done, settings, Redactor())
    assert whole.bundle is not None
    assert (whole.status, whole.unbundled, whole.bundle.path) == (0, None, run / "evidence.tar.gz")
    leaky = packed(done, settings, Redactor([report.endpoint.model]))
    assert (leaky.status, leaky.bundle) == (2, None)
    assert "looks like a key" in str(leaky.unbundled)
    assert capsys.readouterr() == ("", "")


def test_a_merge_refuses_what_is_no_shard(tmp_path: Path) -> None:
    """By the name of the folder."""
    with pytest.raises(UsageError, match="Holds no journal"):
        merge([tmp_path], tmp_path / "out", fresh=False, fail_on="fail")


@pytest.mark.parametrize("path", sorted(Path(str(usecases.__file__)).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_use_case_prints(path: Path) -> None:
    """Neither by `print`, nor to a standard stream, nor through a printing function of the terminal's modules."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        assert name not in ("print", "stdout", "stderr"), f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ImportFrom):
            assert not [one.name for one in node.names if one.name.startswith(("print_", "show"))]
