"""What stands beside the services is given files that there are, in forms that are understood, and finds the store."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from streams.pipeline import STAGES
from streams.runtime.settings.sections import WebSettings
from tests.unit.deploy.names import ROOT
from tests.unit.deploy.programs import promtool

DEPLOY: Final = ROOT / "deploy"


def read(path: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


SERVICES: Final = read("deploy/compose.observability.yaml")["services"]
BASE: Final = read("compose.yaml")["services"]


def mounted(service: str) -> dict[str, str]:
    """Return the files that a service is given: path in the container -> path in the repository."""
    volumes = (volume.split(":") for volume in SERVICES[service]["volumes"])
    return {volume[1]: volume[0] for volume in volumes if volume[0].startswith(".")}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there_and_cannot_be_written(service):
    assert mounted(service)
    for path in mounted(service).values():
        assert (ROOT / path).exists(), path
    assert all(volume.endswith(":ro") for volume in SERVICES[service]["volumes"] if volume.startswith("."))


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_on_loopback_and_taken_by_nobody_else(service):
    ports = SERVICES[service].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    others = [port for name, each in {**BASE, **SERVICES}.items() if name != service for port in each.get("ports", [])]
    assert {port.split(":")[1] for port in ports}.isdisjoint(port.split(":")[1] for port in others)


def test_volumes_are_declared():
    declared = read("deploy/compose.observability.yaml")["volumes"].keys()
    used = {volume.split(":")[0] for each in SERVICES.values() for volume in each["volumes"] if volume[0] != "."}
    assert used == declared


def test_the_store_is_started_as_without_dashboards_and_reads_the_workers_numbers():
    added = set(SERVICES["victoria-metrics"]["command"]) - set(BASE["victoria-metrics"]["command"])
    assert set(BASE["victoria-metrics"]["command"]) <= set(SERVICES["victoria-metrics"]["command"])
    assert added == {"-promscrape.config=/etc/prometheus.yaml"}
    assert mounted("victoria-metrics") == {"/etc/prometheus.yaml": "./deploy/prometheus.yaml"}


def test_vmalert_reads_the_rules_and_knows_store_and_alertmanager():
    options = dict(option.removeprefix("-").split("=", 1) for option in SERVICES["vmalert"]["command"])
    assert mounted("vmalert")[options["rule"].removesuffix("/*.yaml")] == "./deploy/rules"
    urls = [urlsplit(value).hostname for name, value in options.items() if name.endswith(".url")]
    assert sorted(set(urls)) == ["alertmanager", "victoria-metrics"]
    assert set(urls) <= SERVICES.keys()


def test_grafana_is_given_the_dashboards_and_the_store():
    folders = mounted("grafana")
    (provider,) = read("deploy/grafana/provisioning/dashboards/panoptes.yaml")["providers"]
    assert list((ROOT / folders[provider["options"]["path"]]).glob("*.json"))
    assert (ROOT / folders["/etc/grafana/provisioning"] / "datasources").is_dir()
    (source,) = read("deploy/grafana/provisioning/datasources/store.yaml")["datasources"]
    assert urlsplit(source["url"]).hostname in SERVICES


def test_every_stage_is_scraped_at_its_port():
    (job,) = read("deploy/prometheus.yaml")["scrape_configs"]
    ports = [int(target.rpartition(":")[2]) for each in job["static_configs"] for target in each["targets"]]
    base = WebSettings().base_port
    assert ports == [base + 10 * at for at in range(len(STAGES))]


def test_prometheus_takes_the_scrape_configuration():
    done = promtool("check", "config", DEPLOY / "prometheus.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_tells_receivers_that_there_are_and_speaks_of_alerts_that_there_are():
    config = read("deploy/alertmanager.yaml")
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} == {each["name"] for each in config["receivers"]}
    groups = [
        group for path in (DEPLOY / "rules").glob("*.yaml") for group in yaml.safe_load(path.read_text())["groups"]
    ]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert set(re.findall(r'alertname !?= "(\w+)"', (DEPLOY / "alertmanager.yaml").read_text())) <= alerts
