"""The reusable workflow, its examples and the manifests: least rights, secrets by step, names that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvv_action.settings import SECRETS, Settings, field_name, load, option_name

ROOT = Path(__file__).parents[2]
VERIFY = ROOT / ".github/workflows/verify.yml"
EXAMPLES = sorted((ROOT / ".github/examples").glob("*.yml"))
ALL = [VERIFY, *EXAMPLES]
OUTPUTS = set(yaml.safe_load((ROOT / "action.yml").read_text())["outputs"])


def read(path: Path) -> dict[str, Any]:
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
    rights = {name: job["permissions"] for name, job in jobs.items()}
    assert rights.pop("attest") == {"id-token": "write", "attestations": "write"}
    assert all(right == {"contents": "read"} for right in rights.values())
    used = [step.get("uses", "run").partition("@")[0] for _, step in steps({"jobs": {"attest": jobs["attest"]}})]
    assert used == ["actions/download-artifact", "run", "actions/attest-build-provenance"]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_secrets_stand_in_the_step_that_needs_them(path: Path) -> None:
    """In `with:` of our own steps, or handed to the reusable workflow; never in an environment."""
    workflow = read(path)
    given = [(name, step.get("with", {})) for name, step in ours(workflow)]
    given += [(name, job["secrets"]) for name, job in workflow["jobs"].items() if "secrets" in job]
    named = [value for _, values in given for value in values.values() if "secrets." in str(value)]
    assert len(named) == path.read_text().count("${{ secrets.")
    assert "secrets" not in str([step.get("env") for _, step in steps(workflow)]) + str(workflow.get("env"))
    for name, values in given:
        if "api-key" in values and "secrets." in values["api-key"]:
            assert name in ("precheck", "shards", "verify"), "only who asks the endpoint has its key"
        if "leaderboard-token" in values:
            assert name in ("submit", "verify")


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
    for name in workflow.get("env", {}):
        assert name.removeprefix("KVV_").lower() in set(Settings.model_fields) - set(SECRETS)


def test_examples_call_the_workflow_as_it_is() -> None:
    """Their inputs and secrets are those of the reusable workflow, and their rights suffice."""
    called = read(VERIFY)[True]["workflow_call"]  # YAML reads `on` as true
    found = 0
    for path in EXAMPLES:
        for job in read(path)["jobs"].values():
            if "verify.yml" not in job.get("uses", ""):
                continue
            found += 1
            assert set(job["with"]) <= set(called["inputs"])
            assert set(job["secrets"]) <= set(called["secrets"])
            assert job["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
            assert {name for name, one in called["inputs"].items() if one.get("required")} <= set(job["with"])
    assert found == 2


def test_inputs_of_the_workflow_are_inputs_of_the_action() -> None:
    """Under the same name, but for what only a workflow has; none is left unused."""
    text = VERIFY.read_text()
    for name in read(VERIFY)[True]["workflow_call"]["inputs"]:
        assert name in ("runs-on", "attest") or field_name(name) in Settings.model_fields
        assert f"inputs.{name} " in text


def test_an_artifact_is_found_where_it_was_put() -> None:
    """The merge reads what shards upload; a re-run finds what the attempt before it left."""
    names: dict[str, set[str]] = {"upload": set(), "download": set()}
    for _, step in steps(read(VERIFY)):
        for kind in names:
            if f"{kind}-artifact" in step.get("uses", ""):
                names[kind].add(step["with"].get("name") or step["with"]["pattern"])
    assert names["upload"] == {"kvv-shard-1", "kvv-shard-${{ matrix.shard }}", "kvv-result"}
    assert names["download"] == names["upload"] | {"kvv-shard-*"}


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
