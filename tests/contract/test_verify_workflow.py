"""The reusable workflows, their examples and the manifests: least rights, secrets by step, names that exist."""

import copy
import functools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrypoint.settings import load, ours
from kvv_action.settings import SECRETS, field_name, option_name
from tests.e2e.runner import read_outputs
from writers.tables import ROOT, RUN, VERIFY
from writers.tables import workflow as with_settings

Settings = ours().model

CI = ROOT / ".github/workflows/ci.yml"
EXAMPLES = sorted((ROOT / ".github/examples").glob("*.yml"))
REUSABLE = [RUN, VERIFY]
ALL = [*REUSABLE, *EXAMPLES]
OUTPUTS = set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])


def read(path: Path) -> dict[str, Any]:
    """A workflow, which may be changed; reading it anew would take as long as most tests."""
    return copy.deepcopy(parsed(path))


@functools.cache
def parsed(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with the name of its job."""
    for name, job in workflow["jobs"].items():
        for step in job.get("steps", ()):
            yield name, step


def ours(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The steps that use this action."""
    for name, step in steps(workflow):
        if step.get("uses", "").startswith(("./.kvv", "moonshot/kvv-action@")):
            yield name, step


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_job_has_rights_that_it_did_not_ask_for(path: Path) -> None:
    """Nothing by default; each job names its own."""
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_only_the_job_that_attests_can_sign() -> None:
    """And it runs nothing but the download, a digest and the attestation; nobody else can write anything."""
    jobs = read(VERIFY)["jobs"]
    rights = {name: job["permissions"] for name, job in [*jobs.items(), *read(RUN)["jobs"].items()]}
    assert rights.pop("attest") == {"id-token": "write", "attestations": "write"}
    assert all(right == {"contents": "read"} for right in rights.values())
    used = [step.get("uses", "run").partition("@")[0] for _, step in steps({"jobs": {"attest": jobs["attest"]}})]
    assert used == ["actions/download-artifact", "run", "actions/attest-build-provenance", "run"]
    assert jobs["attest"]["runs-on"] == "ubuntu-24.04", "a machine of GitHub, whatever the caller says"


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_secrets_stand_in_the_step_that_needs_them(path: Path) -> None:
    """In `with:` of our own steps, or handed to the reusable workflow; never in an environment."""
    workflow = read(path)
    given = [(name, step.get("with", {})) for name, step in ours(workflow)]
    given += [(name, job["secrets"]) for name, job in workflow["jobs"].items() if "secrets" in job]
    named = [value for _, values in given for value in values.values() if "secrets." in str(value)]
    environments = str([step.get("env") for _, step in steps(workflow)]) + str(workflow.get("env"))
    whether_given = re.findall(r"\$\{\{ secrets\.[a-z-]+ != ''", environments)
    assert len(whether_given) == environments.count("secrets."), "a step may know whether there is one, not which"
    assert len(named) + len(whether_given) == len(re.findall(r"\$\{\{[^}]*?secrets\.", path.read_text()))
    for name, values in given:
        for key in {"api-key", "reference-api-key", "secret-headers"} & values.keys():
            if "secrets." in values[key]:
                assert name in ("precheck", "shards", "run", "verify"), "only who asks the endpoint has its key"
        if "leaderboard-token" in values:
            assert name in ("submit", "run", "verify", "leaderboard")


def test_no_shell_sees_an_expression() -> None:
    """Values reach scripts through the environment."""
    for path in ALL:
        assert [step["run"] for _, step in steps(read(path)) if "run" in step and "${{" in step["run"]] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_inputs_and_outputs_exist(path: Path) -> None:
    """What a step gives the action is a setting, and what is read of it an output."""
    workflow = read(path)
    for _, step in ours(workflow):
        assert {field_name(name) for name in step.get("with", {})} <= set(Settings.model_fields)
    for name in re.findall(r"steps\.kvv\.outputs\.([a-z0-9-]+)", path.read_text()):
        assert name in OUTPUTS
    for job, called in (("verify", VERIFY), ("run", RUN)):
        known = set(read(called)[True]["workflow_call"]["outputs"])
        assert set(re.findall(rf"(?:needs|jobs)\.{job}\.outputs\.([a-z0-9-]+)", path.read_text())) <= known
    for name in workflow.get("env", {}):
        assert name.removeprefix("KVV_").lower() in set(Settings.model_fields) - set(SECRETS)


def test_examples_call_the_workflows_as_they_are() -> None:
    """Their inputs and secrets are those of the reusable workflow, and their rights suffice."""
    rights = {
        "verify.yml": {"contents": "read", "id-token": "write", "attestations": "write"},
        "run.yml": {"contents": "read"},
    }
    found = []
    for path in EXAMPLES:
        for job in read(path)["jobs"].values():
            if "uses" not in job:
                continue
            name = Path(job["uses"].partition("@")[0]).name
            called = read(VERIFY.with_name(name))[True]["workflow_call"]  # YAML reads `on` as true
            found.append(name)
            assert set(job["with"]) <= set(called["inputs"])
            assert set(job["secrets"]) <= set(called["secrets"])
            assert job["permissions"] == rights[name]
            assert {name for name, one in called["inputs"].items() if one.get("required")} <= set(job["with"])
            assert ("strategy" in job) <= ("name" in job["with"]), "jobs of a matrix have artifacts of their own"
    assert sorted(found) == ["run.yml", "verify.yml", "verify.yml"]


def test_a_release_has_its_evidence_before_it_is_proposed() -> None:
    """The leaderboard's check fetches it as soon as the pull request is there."""
    jobs = read(ROOT / ".github/examples/release.yml")["jobs"]
    assert "leaderboard-repo" not in jobs["verify"]["with"]
    assert "evidence" in jobs["leaderboard"]["needs"]
    assert "needs.evidence.result == 'success'" in jobs["leaderboard"]["if"]
    uploaded, proposed = jobs["evidence"]["steps"][-1]["run"], jobs["leaderboard"]["steps"][-1]["with"]
    assert "gh release upload" in uploaded
    assert "kvv-out/evidence.tar.gz" in uploaded
    assert proposed["leaderboard-evidence-url"].endswith("/evidence.tar.gz")


def test_inputs_of_the_workflow_are_inputs_of_the_action() -> None:
    """Every setting that makes sense there, under the same name; none is left unused."""
    for path in REUSABLE:
        text = path.read_text()
        assert text == with_settings(text, leaderboard=path == VERIFY), "run `.ci/tables`"
        for name in read(path)[True]["workflow_call"]["inputs"]:
            assert (
                name in ("runs-on", "attest", "name", "files", "needs-token")
                or field_name(name) in Settings.model_fields
            )
            assert f"inputs.{name} " in text or f"inputs.{name})" in text


def test_what_is_verified_is_what_is_run() -> None:
    """`verify.yml` hands every input and secret of `run.yml` on as it is, with the same defaults."""
    verify, run = (read(path)[True]["workflow_call"] for path in (VERIFY, RUN))
    job = read(VERIFY)["jobs"]["run"]
    assert job["uses"] == "./.github/workflows/run.yml"
    assert "needs" not in job, "what waits for a job that may be skipped may be skipped as well"
    assert job["with"].pop("needs-token") == (
        "${{ inputs.leaderboard-repo != '' && inputs.leaderboard-dry-run != 'true' }}"
    )
    del run["inputs"]["needs-token"]
    assert job["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in run["inputs"]}
    assert job["secrets"] == {name: f"${{{{ secrets.{name} }}}}" for name in run["secrets"]}
    further = {name for name in verify["inputs"] if name not in run["inputs"]}
    assert all(name == "attest" or name.startswith("leaderboard-") for name in further)
    assert all(
        {**verify["inputs"][name], "description": ""} == {**one, "description": ""}
        for name, one in run["inputs"].items()
    )


def test_an_artifact_is_found_where_it_was_put() -> None:
    """The merge reads what shards upload; a re-run finds what the attempt before it left."""
    names: dict[str, set[str]] = {"upload": set(), "download": set()}
    for _, step in [*steps(read(RUN)), *steps(read(VERIFY))]:
        for kind in names:
            if f"{kind}-artifact" in step.get("uses", ""):
                names[kind].add(step["with"].get("name") or step["with"]["pattern"])
    name = "${{ inputs.name }}"
    assert names["upload"] == {f"{name}-shard-1", f"{name}-shard-${{{{ matrix.shard }}}}", f"{name}-result"}
    assert names["download"] == names["upload"] | {f"{name}-shard-*"}


def test_runners_are_a_label_or_several() -> None:
    """A JSON array is one, anything else a label; what signs runs at GitHub."""
    chosen = "${{ startsWith(inputs.runs-on, '[') && fromJSON(inputs.runs-on) || inputs.runs-on }}"
    jobs = {**read(VERIFY)["jobs"], **read(RUN)["jobs"]}
    assert {name for name, job in jobs.items() if job.get("runs-on", chosen) != chosen} == {"attest"}


EVERYWHERE = [*ALL, *sorted((ROOT / ".github").glob("leaderboard-template/.github/workflows/*.yml")), CI]


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: path.name)
def test_a_rerun_may_upload_again(path: Path) -> None:
    """An artifact of the attempt before is replaced; without `overwrite` the step would fail."""
    for _, step in steps(read(path)):
        if "actions/upload-artifact" in step.get("uses", ""):
            assert step["with"]["overwrite"] is True, step["name"]


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: path.name)
def test_cache_keys_hold_no_input(path: Path) -> None:
    """A key with a comma, as in a list of benchmarks, is refused by actions/cache."""
    for _, step in steps(read(path)):
        if "actions/cache" in step.get("uses", ""):
            assert "inputs." not in step["with"]["key"]


def test_nothing_is_checked_out_before_its_origin_is_known() -> None:
    """Without `job.workflow_repository` checkout takes the caller's repository: the first step of all refuses that."""
    jobs = read(RUN)["jobs"]
    assert "run" in jobs["plan"]["steps"][0]
    for name, job in jobs.items():
        needed = job.get("needs", [])
        assert name == "plan" or set([needed] if isinstance(needed, str) else needed) & {"plan", "merge"}
    for job in read(VERIFY)["jobs"].values():
        if any("checkout" in step.get("uses", "") for step in job.get("steps", ())):
            assert "run" in job["needs"]
            assert "needs.run.outputs.bundle-sha256 != ''" in job["if"]
    assert "plan" in jobs["merge"]["needs"]
    assert "needs.plan.result == 'success'" in jobs["merge"]["if"]


SHELL = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was carried out: status, what it printed, what it gave to later steps."""

    status: int
    log: str
    outputs: dict[str, str]


def carried_out(job: str, step: str, place: Path, **env: str) -> Done:
    """A script of the workflow, run as the runner runs it."""
    given_by = [*steps(read(RUN)), *steps(read(VERIFY))]
    (script,) = [one["run"] for name, one in given_by if name == job and step in (one.get("id"), one.get("name"))]
    output = place / f"output-{job}"
    output.write_text("")
    files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(place / "summary")}
    given = {"PATH": os.environ["PATH"], **files, **env}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=place, env=given, capture_output=True, text=True)
    return Done(done.returncode, done.stdout + done.stderr, read_outputs(output.read_text()))


GIVEN = {
    "WORKFLOW": f"moonshot/kvv-action@{'0' * 40}",
    "KEY": "true",
    "NAME": "kvv",
    "NEEDED": "false",
    "TOKEN": "false",
}


@SHELL
@pytest.mark.parametrize("workflow", ["@", "moonshot/kvv-action@", f"@{'0' * 40}", ""])
def test_an_unknown_origin_is_refused(workflow: str, tmp_path: Path) -> None:
    """As on GitHub Enterprise Server, which does not know it; whatever else is given."""
    done = carried_out("plan", "given", tmp_path, **{**GIVEN, "WORKFLOW": workflow, "KEY": "false"})
    assert (done.status, done.outputs) == (1, {})
    assert "::error title=kvv::This GitHub does not say which workflow runs" in done.log


@SHELL
@pytest.mark.parametrize(
    ("key", "needed", "token", "status"),
    [
        ("true", "true", "false", 1),
        ("true", "true", "true", 0),
        ("true", "false", "false", 0),
        ("false", "true", "false", 0),
    ],
)
def test_a_missing_token_is_found_first(key: str, needed: str, token: str, status: int, tmp_path: Path) -> None:
    """And not by the last job; a dry run needs none, nor does what is skipped for want of a key."""
    done = carried_out("plan", "given", tmp_path, **{**GIVEN, "KEY": key, "NEEDED": needed, "TOKEN": token})
    assert done.status == status
    assert ("There is no token for leaderboard-repo" in done.log) is bool(status)


@SHELL
def test_every_missing_secret_that_is_needed_is_named(tmp_path: Path) -> None:
    """As in the step of the action; one that no input needs is not."""
    given = {**GIVEN, "KEY": "false", "REFERENCE_KEY": "false", "JUDGE_KEY": "false"}
    needs = {"KVV_REFERENCE_BASE_URL": "https://a/v1", "KVV_JUDGE_BASE_URL": "https://b/v1", "NEEDED": "true"}
    told = carried_out("plan", "given", tmp_path, **given)
    assert told.outputs["reason"].startswith("There is no api-key, so nothing was verified")
    told = carried_out("plan", "given", tmp_path, **{**given, **needs})
    named = "There is no api-key, no reference-api-key, no judge-api-key, no leaderboard-token, so nothing"
    assert told.outputs["reason"].startswith(named)
    assert (told.status, told.outputs["verdict"]) == (0, "skipped")
    told = carried_out("plan", "given", tmp_path, **{**given, **needs, "JUDGE_KEY": "true", "TOKEN": "true"})
    assert told.outputs["reason"].startswith("There is no api-key, no reference-api-key, so nothing")


@SHELL
@pytest.mark.parametrize(("fork", "verdict"), [("true", "skipped"), ("false", None), ("", None)])
def test_a_fork_is_skipped_for_want_of_any_secret(fork: str, verdict: str | None, tmp_path: Path) -> None:
    """Also where the endpoint has no key (EMPTY); a fork that needs no other one is verified."""
    given = {**GIVEN, "FORK": fork, "JUDGE_KEY": "false"}
    assert "verdict" not in carried_out("plan", "given", tmp_path, **given).outputs
    told = carried_out("plan", "given", tmp_path, **{**given, "KVV_JUDGE_BASE_URL": "https://b/v1"})
    assert (told.status, told.outputs.get("verdict")) == (0, verdict)
    assert told.outputs.get("reason", "There is no judge-api-key, so").startswith("There is no judge-api-key, so")


@SHELL
@pytest.mark.parametrize("name", ["", "a b", "a/b", "$(id)", "vendor-shard-1", "a\nb"])
def test_names_that_no_artifact_can_have_are_refused(name: str, tmp_path: Path) -> None:
    """Or that another vendor's pattern would find."""
    done = carried_out("plan", "given", tmp_path, **{**GIVEN, "NAME": name})
    assert (done.status, done.outputs) == (1, {})
    assert "::error title=kvv: name::" in done.log


@SHELL
def test_a_missing_key_skips_all(tmp_path: Path) -> None:
    """As in a pull request from a fork; it is no error."""
    done = carried_out("plan", "given", tmp_path, **{**GIVEN, "KEY": "false"})
    assert (done.status, done.outputs["key"], done.outputs["verdict"]) == (0, "false", "skipped")
    assert "::notice title=kvv: skipped::" in done.log
    assert "kvv: skipped" in (tmp_path / "summary").read_text()


@SHELL
def test_the_cache_belongs_to_what_is_asked(tmp_path: Path) -> None:
    """Other benchmarks or another version of kvv have another key."""
    asked = {**GIVEN, "KVV_BENCHMARKS": "ocrbench,aime2025"}
    found = [
        carried_out("plan", "given", tmp_path, **given).outputs["data"]
        for given in (asked, asked, {**asked, "KVV_BENCHMARKS": "ocrbench"}, {**asked, "WORKFLOW": "a/b@1"})
    ]
    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert all(re.fullmatch("[0-9a-f]{40}", one) for one in found)


def left(place: Path, number: int, text: str = "a line\n") -> None:
    """What a shard left, where the merge finds it."""
    folder = place / f"kvv-shards/kvv-shard-{number}"
    (folder / "trajectories").mkdir(parents=True)
    (folder / "journal.jsonl").write_text(text)
    (folder / "trajectories/an odd 'name'.txt").write_text(text)


def sealed(place: Path, job: str, number: int, **env: str) -> dict[str, str]:
    """The outputs of a shard's job; files that are not uploaded do not count."""
    machine = place / f"machine-{number}"
    shutil.copytree(place / f"kvv-shards/kvv-shard-{number}", machine / "kvv-out")
    (machine / "kvv-out/.lock").write_text("held")
    return carried_out(job, "seal", machine, **{"SHARD": str(number), "RESUMED": "", **env}).outputs


def merged(place: Path, *outputs: dict[str, str], files: str = "") -> Done:
    seals = " ".join(json.dumps(one, indent=2) for one in outputs)
    return carried_out("merge", "seals", place, SEALS=seals, NAME="kvv", FILES=files)


@SHELL
def test_shards_are_merged_as_they_were_left(tmp_path: Path) -> None:
    """Every seal is found at its shard; nothing is reported."""
    for number in (1, 2, 12):
        left(tmp_path, number)
    seals = [sealed(tmp_path, "precheck", 1), {**sealed(tmp_path, "shards", 2), **sealed(tmp_path, "shards", 12)}]
    done = merged(tmp_path, *seals)
    assert (done.status, done.log, done.outputs) == (0, "", {"sealed": "true"})


@SHELL
@pytest.mark.parametrize("file", ["journal.jsonl", "trajectories/one more.txt"])
def test_a_shard_that_was_replaced_is_refused(file: str, tmp_path: Path) -> None:
    """By another job of the run, which can overwrite artifacts."""
    left(tmp_path, 2)
    seals = sealed(tmp_path, "shards", 2)
    (tmp_path / "kvv-shards/kvv-shard-2" / file).write_text("forged\n")
    done = merged(tmp_path, {}, seals)
    assert (done.status, done.outputs) == (1, {})
    assert "::error title=kvv: changed evidence::The artifact kvv-shard-2 " in done.log


@SHELL
def test_what_has_no_seal_is_not_attested(tmp_path: Path) -> None:
    """Brought by nobody knows whom, or gone on with from an artifact of an earlier attempt: merged, and told."""
    left(tmp_path, 1)
    left(tmp_path, 2)
    first = sealed(tmp_path, "precheck", 1)
    unknown = merged(tmp_path, first, {"shard-2": ""})
    resumed = merged(tmp_path, first, sealed(tmp_path, "shards", 2, RESUMED=":resumed"))
    for done in (unknown, resumed):
        assert (done.status, done.outputs) == (0, {})
        assert "::notice title=kvv: not attested::Shards 2 were gone on with" in done.log


@SHELL
def test_what_the_caller_brought_is_not_attested(tmp_path: Path) -> None:
    """Files of his repository are used and told, but replaced artifacts are still refused."""
    left(tmp_path, 2)
    seals = sealed(tmp_path, "shards", 2)
    done = merged(tmp_path, {}, seals, files="profiles/mine.toml")
    assert (done.status, done.outputs) == (0, {})
    assert "::notice title=kvv: not attested::Files of the calling repository were used" in done.log
    (tmp_path / "kvv-shards/kvv-shard-2/journal.jsonl").write_text("forged\n")
    assert merged(tmp_path, {}, seals, files="profiles/mine.toml").status == 1


def test_only_what_is_sealed_is_attested() -> None:
    """By the condition of the job; the submission claims no more than that job says."""
    jobs = read(VERIFY)["jobs"]
    assert "needs.run.outputs.sealed == 'true'" in jobs["attest"]["if"]
    assert read(RUN)[True]["workflow_call"]["outputs"]["sealed"]["value"] == "${{ jobs.merge.outputs.sealed }}"
    assert jobs["attest"]["outputs"] == {"attested": "${{ steps.attest.outcome == 'success' }}"}
    (step,) = [step for name, step in ours(read(VERIFY)) if name == "submit"]
    assert step["with"]["leaderboard-attested"] == "${{ needs.attest.outputs.attested == 'true' }}"
    assert "needs.attest" not in jobs["submit"]["if"], "evidence without attestation is proposed all the same"


def test_what_is_skipped_says_so() -> None:
    """The verdict of the plan, which nothing follows, goes through both workflows; nothing is attested then."""
    verify, run = (read(path)[True]["workflow_call"]["outputs"] for path in (VERIFY, RUN))
    for name in ("verdict", "reason"):
        assert run[name]["value"] == f"${{{{ jobs.plan.outputs.{name} || jobs.merge.outputs.{name} }}}}"
        assert verify[name]["value"] == f"${{{{ jobs.run.outputs.{name} }}}}"
    assert verify["attested"]["value"] == "${{ jobs.attest.outputs.attested || 'false' }}"


def test_as_many_shards_are_sealed_as_there_are_by_default() -> None:
    """Beside Pre-Verification; a matrix has no outputs but those that are written down."""
    most = Settings.model_fields["max_shards"].default + 1
    assert list(read(RUN)["jobs"]["shards"]["outputs"]) == [f"shard-{number}" for number in range(1, most + 1)]


MANIFESTS = sorted((ROOT / ".github/deploy").glob("*.yaml"))


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every job of the manifests with its one container."""
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text()):
            if document["kind"] == "Job":
                (container,) = document["spec"]["template"]["spec"]["containers"]
                yield document["spec"], container


def expanded(container: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """Variables as Kubernetes makes them: `$(NAME)` stands for a variable that was named before."""
    found: dict[str, str] = {}
    for variable in container["env"]:
        value = variable.get("value", given.get(variable["name"], ""))
        found[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found.get(name[1], name[0]), value)
    return found


def test_indices_name_every_shard_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a shell and without arithmetic: 0 to n-1 are all shards, each in a folder of its own."""
    spec, container = next(containers())
    shards, folders = set(), set()
    for index in range(spec["completions"]):
        variables = expanded(container, {"INDEX": str(index), "KVV_API_KEY": "k"})
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings = load()
        shards.add(settings.shard)
        folders.add(settings.out)
    assert shards == {f"{number}/{spec['completions']}" for number in range(1, spec["completions"] + 1)}
    assert len(folders) == spec["completions"]


def test_pods_have_no_rights() -> None:
    """Not root, nothing writable but the volumes, no token of the cluster; the key comes from a secret."""
    found = list(containers())
    assert len(found) == 2
    for spec, container in found:
        pod = spec["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        rights = container["securityContext"]
        assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
        assert rights["capabilities"] == {"drop": ["ALL"]}
        keys = [one for one in container["env"] if option_name(one["name"].removeprefix("KVV_").lower()) == "api-key"]
        assert all("secretKeyRef" in one["valueFrom"] for one in keys)


def test_exit_statuses_of_the_manifest_are_ours() -> None:
    """A broken contract ends the job, wrong usage the shard; everything else is tried again."""
    from entrypoint import cli, compose
    from kvv_action.schema import Verdict

    spec, container = next(containers())
    rules = {rule["action"]: rule.get("onExitCodes", {}).get("values") for rule in spec["podFailurePolicy"]["rules"]}
    assert rules["FailJob"] == [compose.EXIT[Verdict.FAIL]]
    assert rules["FailIndex"] == [cli.USAGE, cli.DEFECT]
    assert {
        rule["onExitCodes"]["containerName"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule
    } == {container["name"]}
