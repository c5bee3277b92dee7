"""The cluster configurations: valid by Ray's own code, guarded by a token, of one version everywhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config

import raycontext

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHED = [REPOSITORY / "cluster.yaml", REPOSITORY / "docs" / "cluster-aws.yaml"]
KUBERAY = REPOSITORY / "docs" / "kuberay.yaml"
DOCKERFILE = REPOSITORY / "Dockerfile"


def loaded(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text())
    return value


@pytest.mark.parametrize("path", LAUNCHED, ids=lambda path: path.name)
def test_launcher_takes_the_configuration(path: Path) -> None:
    prepared = prepare_config(loaded(path))
    validate_config(prepared)
    assert prepared["head_node_type"] in prepared["available_node_types"]


def test_launcher_refuses_a_configuration_with_a_wrong_field() -> None:
    with pytest.raises(Exception, match="no_such_field"):
        validate_config(prepare_config({**loaded(LAUNCHED[0]), "no_such_field": 1}))


@pytest.mark.parametrize("path", LAUNCHED, ids=lambda path: path.name)
def test_every_ray_that_is_started_is_guarded_by_the_token(path: Path) -> None:
    config = loaded(path)
    starts = [
        line
        for line in (*config["head_start_ray_commands"], *config["worker_start_ray_commands"])
        if "ray start" in line
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line and "RAYCONTEXT_ROOT=" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token", "~/raycontext-dist": "dist"}
    assert "test -s ~/.ray/auth_token" in config["setup_commands"][0]


@pytest.mark.parametrize("path", LAUNCHED, ids=lambda path: path.name)
def test_raycontext_is_installed_from_its_file_and_never_by_its_name(path: Path) -> None:
    commands = loaded(path)["setup_commands"]
    (check,) = (place for place, command in enumerate(commands) if "sha256sum --check --strict SHA256SUMS" in command)
    (install,) = (place for place, command in enumerate(commands) if "pip install" in command)
    assert check < install
    wanted = shlex.split(commands[install])[2:]
    assert [argument for argument in wanted if "raycontext" in argument] == [
        "$(ls ~/raycontext-dist/raycontext-0.1.0-*_$(uname -m).whl)[cloud,cluster]"
    ]


@pytest.mark.parametrize("path", [*LAUNCHED, KUBERAY], ids=lambda path: path.name)
def test_versions_are_pinned_to_ours(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"raycontext(\[[\w,]*\])?\s*(==|>=)", text)
    assert set(re.findall(r"raycontext[:-](\d[\d.]*\d)", text)) == {raycontext.__version__}
    found = re.findall(r"ray\[default\]==([\d.]+\d)", text)
    pinned = set(found or re.findall(r"^FROM rayproject/ray:([\d.]+\d)-", DOCKERFILE.read_text(), re.MULTILINE))
    assert len(pinned) == 1
    least = re.search(r'"ray\[default\]>=([\d.]+)[",]', (REPOSITORY / "pyproject.toml").read_text())
    assert least is not None
    numbers = [tuple(map(int, version.split("."))) for version in (least[1], *pinned, ray.__version__)]
    assert numbers == sorted(numbers), "pinned below what raycontext needs, or above what it is tested with"


def test_kuberay_manifest_is_what_rays_autoscaler_reads() -> None:
    manifest = loaded(KUBERAY)
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayCluster")
    spec = manifest["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert f"FROM rayproject/ray:{spec['rayVersion']}-" in DOCKERFILE.read_text()
    assert KUBERAY.read_text().count(f"image: REGISTRY/raycontext:{raycontext.__version__}@sha256:DIGEST") == 2
    config = _derive_autoscaling_config_from_ray_cr({**manifest, "metadata": {"name": "raycontext", "namespace": "d"}})
    validate_config(config)
    (workers,) = (kind for name, kind in config["available_node_types"].items() if name != config["head_node_type"])
    assert (workers["min_workers"], workers["max_workers"], workers["resources"]["CPU"]) == (1, 16, 4)
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        roots = {entry["name"]: entry["value"] for entry in container["env"]}
        assert mounts == {volume["name"]: "/shared" for volume in pod["volumes"]}
        assert roots["RAYCONTEXT_ROOT"].startswith("/shared/")
