"""A worker's metrics say when a profile file is broken."""

from pathlib import Path

from pollers.plugins.snmp import polling as snmp_profile
from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.profile_metrics import measure_profiles
from tests.unit.profiles.reading.test_plugin import Bench


def numbers(metrics: Metrics) -> dict[str, float]:
    lines = [line.split() for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    found = {name.partition("{")[0]: float(value) for name, value in lines}
    return {name: value for name, value in found.items() if name.startswith("panoptes_profile")}


def test_a_broken_file_shows_in_the_metrics_until_it_is_mended(tmp_path: Path):
    metrics = Metrics("polling")
    plugin = snmp_profile.create(Bench(options={"profiles": str(tmp_path)}).context)
    measure_profiles(metrics, [plugin, object()])
    assert numbers(metrics) == {"panoptes_profiles_broken": 0, "panoptes_profile_changes_total": 0}
    (tmp_path / "a.yaml").write_text("profile: a\nunknown: 1\n")
    plugin.followed.watch.look()
    assert numbers(metrics)["panoptes_profiles_broken"] == 1
    (tmp_path / "a.yaml").write_text("profile: a\n")
    plugin.followed.watch.look()
    assert numbers(metrics) == {"panoptes_profiles_broken": 0, "panoptes_profile_changes_total": 1}


def test_a_worker_without_such_plugins_has_no_such_numbers():
    metrics = Metrics("polling")
    measure_profiles(metrics, [object()])
    assert numbers(metrics) == {}
