"""The nightly batch on Kubernetes: its list is one that a batch takes, its command one that there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import raycontext
from raycontext.batch import ray_job
from raycontext.cli.application import application

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def manifests() -> tuple[dict[str, Any], dict[str, Any]]:
    config, job = yaml.safe_load_all((DOCS / "nightly-batch.yaml").read_text())
    return config, job


def test_list_is_one_that_a_batch_takes(manifests: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path) -> None:
    config, _ = manifests
    (tmp_path / "repos.yaml").write_text(config["data"]["repos.yaml"])
    wanted = raycontext.read_batch_list(tmp_path / "repos.yaml")
    assert len(wanted.sources) == 2


def test_job_submits_the_list_to_the_cluster_of_the_other_file(
    manifests: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, job = manifests
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    cluster = yaml.safe_load((DOCS / "kuberay.yaml").read_text())
    head = cluster["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert container["image"] == head["image"]
    (volume,) = pod["volumes"]
    (mount,) = container["volumeMounts"]
    assert (volume["name"], volume["configMap"]["name"]) == (mount["name"], config["metadata"]["name"])
    secret = next(entry for entry in container["env"] if entry["name"] == "RAY_AUTH_TOKEN")["valueFrom"]["secretKeyRef"]
    assert secret == {"name": cluster["metadata"]["name"], "key": "auth_token"}

    (tmp_path / "repos.yaml").write_text(config["data"]["repos.yaml"])
    program, *arguments = (part.replace(mount["mountPath"], str(tmp_path)) for part in container["command"])
    assert program == "raycontext"
    submitted: list[tuple[Any, ...]] = []

    def noted(*given: Any, **named: Any) -> Any:
        submitted.append((*given, *named.values()))
        raise raycontext.RuntimeUnavailable("noted", "no more")

    monkeypatch.setattr(ray_job, "submit_batch", noted)
    outcome = CliRunner().invoke(application, arguments)
    assert "noted" in str(outcome.exception)
    ((*given,),) = submitted
    assert f"http://{cluster['metadata']['name']}-head-svc:8265" in given


def test_runs_do_not_overlap_and_a_failed_one_is_not_repeated_before_the_next_night(
    manifests: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, job = manifests
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    spec = job["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert len(spec["schedule"].split()) == 5
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"
