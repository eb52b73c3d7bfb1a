"""The files that name the stages, the services and their ports again say the same as the code."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from streams.pipeline import STAGES
from streams.playground.services.cluster.recipes import CLUSTER
from streams.playground.services.jars import LOCK, POMS, locked
from streams.playground.services.recipes import RECIPES, TEMPLATES, Recipe
from streams.playground.services.secured.recipes import SECURED
from streams.runtime.settings.loading import load

ROOT = Path(__file__).parent.parent.parent


def test_procfile_has_one_line_per_stage_in_the_order_of_the_map() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines == [f"{stage.name}: faust -A streams.{stage.name} worker --loglevel=info" for stage in STAGES]


def test_compose_has_the_same_services_on_the_same_loopback_ports() -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    published = {name: services[name]["ports"][0].rsplit(":", 1)[0] for name in services.keys() - {"console"}}
    assert published == {name: f"127.0.0.1:{recipe.ports[name]}" for name, recipe in RECIPES.items()}


def test_compose_runs_the_versions_of_the_poms() -> None:
    images = {
        name: service["image"]
        for name, service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].items()
        if name != "console"
    }
    assert images["kafka"].rsplit(":")[-1] == _version("kafka", "kafka_2.13")
    assert _version("zookeeper", "zookeeper").startswith(images["zookeeper"].rsplit(":")[-1] + ".")
    assert images["apicurio"].rsplit(":")[-1] == _version("apicurio", "apicurio-registry-app")


def test_compose_has_the_console_with_settings_that_there_are_and_services_that_there_are() -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    settings = load(None, services["console"]["environment"])
    assert settings.console.host == "0.0.0.0"
    assert services["console"]["ports"] == [f"127.0.0.1:{settings.console.port}:{settings.console.port}"]
    places = [*settings.kafka.bootstrap_servers.split(","), settings.registry.url, settings.console.store_url]
    for place in places:
        at = urlsplit(place if "//" in place else f"//{place}")
        inside = {port.rsplit(":", 1)[1] for port in services[str(at.hostname)]["ports"]} | {"9092"}
        assert str(at.port) in inside, place


def _version(pom: str, artifact: str) -> str:
    text = (POMS / f"{pom}.xml").read_text()
    found = re.search(rf"</groupId><artifactId>{re.escape(artifact)}</artifactId>\s*<version>([^<]+)</version>", text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("recipes", [RECIPES, SECURED, CLUSTER], ids=["plain", "secured", "cluster"])
def test_no_two_services_want_the_same_port(recipes: dict[str, Recipe]) -> None:
    ports = [port for recipe in recipes.values() for port in recipe.ports.values()]
    assert len(ports) == len(set(ports))


def test_poms_and_templates_are_shipped_with_the_package() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    package = ROOT / "streams" / "playground" / "services"
    shipped = {path for pattern in data["streams.playground.services"] for path in package.glob(pattern)}
    assert shipped == {LOCK, *POMS.iterdir(), *TEMPLATES.iterdir()}


def test_the_lock_of_jars_is_of_the_versions_of_the_poms() -> None:
    assert f"kafka_2.13-{_version('kafka', 'kafka_2.13')}.jar" in locked("kafka")
    assert f"zookeeper-{_version('zookeeper', 'zookeeper')}.jar" in locked("zookeeper")
    assert f"apicurio-registry-app-{_version('apicurio', 'apicurio-registry-app')}-runner.jar" in locked("apicurio")


@pytest.mark.parametrize(
    "name", ["scripts/setup", "scripts/test", "scripts/lock", "scripts/lock-jars", "scripts/pythons", ".ci/run"]
)
def test_scripts_can_be_run(name: str) -> None:
    script = ROOT / name
    assert script.stat().st_mode & 0o111
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


def test_ci_runs_exactly_make_test() -> None:
    last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert last == "exec make --no-print-directory test"
