"""What installs the pipeline (image, units, chart) says what the map says, and passes its tools' own checks."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from streams.pipeline import STAGES
from streams.runtime.settings.loading import examine
from streams.runtime.settings.sections import WebSettings

ROOT: Final = Path(__file__).parents[3]
UNITS: Final = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
CHART: Final = ROOT / "deploy" / "helm" / "panoptes"
NAMES: Final = [stage.name for stage in STAGES]
#: of systemd's ten: 0 is nothing exposed
EXPOSED_AT_MOST: Final = 1.5


def run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_exposes_little(unit):
    said = run("systemd-analyze", "security", "--offline=true", str(unit))
    [level] = re.findall(r"Overall exposure level for \S+ ([\d.]+)", said)
    assert float(level) <= EXPOSED_AT_MOST


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_knows_every_line_of_a_unit(unit, tmp_path):
    here = tmp_path / unit.name  # verify asks for programs that are there
    here.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text()))
    assert run("systemd-analyze", "verify", str(here)) == ""


def test_the_image_runs_as_nobody_special_and_installs_what_is_locked():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001:10001"]
    assert sum("--require-hashes" in line for line in lines) == 1
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert [name for name in copied if f"!{name}" not in kept or not (ROOT / name).exists()] == []


def test_hadolint_has_nothing_to_say():
    assert run("hadolint", str(ROOT / "Dockerfile")) == ""


def test_the_chart_has_every_stage_at_its_port():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert list(values["stages"]) == NAMES
    said = re.search(r"dict ((?:\"\w+\" \d+ ?)+)", (CHART / "templates" / "stages.yaml").read_text())
    assert said is not None
    ports = {name: int(port) for name, port in re.findall(r'"(\w+)" (\d+)', said[1])}
    base = WebSettings().base_port
    assert ports == {name: base + 10 * nth for nth, name in enumerate(NAMES)}


def test_the_charts_configuration_is_good(tmp_path):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    (tmp_path / "panoptes.ini").write_text(values["config"])
    assert examine(tmp_path / "panoptes.ini", {}).problems == []


@pytest.fixture(scope="module", params=["defaults", "everything"])
def rendered(request) -> list[dict[str, Any]]:
    options = (
        ["--set", "autoscaling.enabled=true,console.enabled=true,secrets={a,b}"] if request.param != "defaults" else []
    )
    run("helm", "lint", "--strict", str(CHART), *options)
    return [each for each in yaml.safe_load_all(run("helm", "template", "lab", str(CHART), *options)) if each]


def test_a_pod_of_the_chart_may_do_nothing_it_need_not(rendered):
    deployments = [each for each in rendered if each["kind"] == "Deployment"]
    assert {each["metadata"]["name"] for each in deployments} >= {f"lab-{name}" for name in NAMES}
    for each in deployments:
        pod = each["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_a_stage_of_the_chart_is_probed_and_kept(rendered):
    by_kind = {kind: {e["metadata"]["name"]: e for e in rendered if e["kind"] == kind} for kind in
               ("Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler")}  # fmt: skip
    for name in NAMES:
        deployment = by_kind["Deployment"][f"lab-{name}"]
        [worker] = deployment["spec"]["template"]["spec"]["containers"]
        assert worker["command"][2] == f"streams.{name}"
        assert {worker[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness")} == {"/health"}
        assert worker["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "web"}
        selected = deployment["spec"]["selector"]["matchLabels"]
        assert selected.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        if f"lab-{name}" in by_kind["HorizontalPodAutoscaler"]:
            assert "replicas" not in deployment["spec"]
    assert set(by_kind["PodDisruptionBudget"]) == {f"lab-{name}" for name in NAMES if name != "sinks"}
