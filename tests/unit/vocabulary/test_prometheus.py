"""What a metric is called in Prometheus, whatever its unit is called in a user's profile."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.vocabulary.model import MetricKind
from pollers.vocabulary.prometheus import prometheus_name


@pytest.mark.parametrize(
    ("group", "metric", "unit", "kind", "name", "scale"),
    [
        pytest.param(
            "cpu", "cpu_utilization", "percent", MetricKind.LEVEL, "cpu_utilization_ratio", 0.01, id="percent"
        ),
        pytest.param(
            "interface", "octets_in", "octets", MetricKind.RATE, "interface_octets_in_bytes_per_second", 1, id="octets"
        ),
        pytest.param(
            "interface", "packets_in", "packets", MetricKind.RATE, "interface_packets_in_per_second", 1, id="said"
        ),
        pytest.param(
            "interface", "errors_in", "packets", MetricKind.RATE, "interface_errors_in_packets_per_second", 1, id="of"
        ),
        pytest.param("interface", "mtu", "octets", MetricKind.LEVEL, "interface_mtu_bytes", 1, id="level"),
        pytest.param(
            "interface",
            "speed_bits_per_s",
            "bits/s",
            MetricKind.LEVEL,
            "interface_speed_bits_per_second",
            1,
            id="per-s",
        ),
        pytest.param("interface", "oper_state", "1", MetricKind.STATE, "interface_oper_state", 1, id="state"),
        pytest.param("ha", "ha_detail", "1", MetricKind.INFO, "ha_detail_info", 1, id="info"),
        pytest.param(
            "bgp_peer", "transitions", "1", MetricKind.RATE, "bgp_peer_transitions_per_second", 1, id="no-unit"
        ),
        pytest.param(
            "environment", "fans_total", "1", MetricKind.LEVEL, "environment_fans_total_value", 1, id="reserved"
        ),
        pytest.param(
            "temperature", "temperature", "celsius", MetricKind.LEVEL, "temperature_celsius", 1, id="as-its-group"
        ),
        pytest.param("cpu", "cpus", "1", MetricKind.LEVEL, "cpu_cpus", 1, id="begins-alike"),
        pytest.param("acme-x", "größe", "s", MetricKind.LEVEL, "acme_x_gr__e_seconds", 1, id="no-names"),
        pytest.param("pdu", "energy", "kWh", MetricKind.RATE, "pdu_energy_joules_per_second", 3.6e6, id="energy"),
    ],
)
def test_names_and_scales(group: str, metric: str, unit: str, kind: MetricKind, name: str, scale: float):
    assert prometheus_name(group, metric, unit, kind) == (f"panoptes_{name}", pytest.approx(scale))


@pytest.mark.parametrize(
    ("unit", "word", "scale"),
    [
        ("%", "ratio", 0.01), ("mW", "watts", 1e-3), ("milliwatts", "watts", 1e-3), ("uA", "amperes", 1e-6),
        ("µs", "seconds", 1e-6), ("ms", "seconds", 1e-3), ("min", "seconds", 60), ("h", "seconds", 3600),
        ("KiB", "bytes", 1024), ("MiBy", "bytes", 2**20), ("kB", "bytes", 1000), ("By", "bytes", 1),
        ("Mbit/s", "bits_per_second", 1e6), ("Gbps", "bits_per_second", 1e9), ("1/s", "per_second", 1),
        ("m3/min", "cubic_meters_per_second", 1 / 60), ("Cel", "celsius", 1), ("°C", "celsius", 1),
        ("[degF]", "fahrenheit", 1), ("dB[mW]", "dbm", 1), ("dBm", "dbm", 1), ("MHz", "hertz", 1e6), ("m", "meters", 1),
        ("{flits}", "flits", 1), ("Some free text!", "some_free_text", 1), ("rpm", "rpm", 1), ("V", "volts", 1),
    ],
)  # fmt: skip
def test_units_become_base_units(unit: str, word: str, scale: float):
    assert prometheus_name("g", "x", unit, MetricKind.LEVEL) == (f"panoptes_g_x_{word}", pytest.approx(scale))


@pytest.mark.parametrize("unit", ["", "1", "none", "!!", "ÄÖ", " "])
def test_what_is_no_unit_is_left_out(unit: str):
    assert prometheus_name("g", "x", unit, MetricKind.LEVEL) == ("panoptes_g_x", 1.0)


NAMES = st.from_regex(r"[A-Za-z_]\w{0,20}", fullmatch=True)


@given(NAMES, NAMES, st.text(max_size=40), st.sampled_from(MetricKind))
def test_any_name_and_unit_give_a_valid_name_and_a_positive_scale(group: str, metric: str, unit: str, kind: MetricKind):
    name, scale = prometheus_name(group, metric, unit, kind)
    assert re.fullmatch(r"panoptes_[A-Za-z0-9_]+", name)
    assert scale > 0
    assert name.endswith("_per_second") or kind is not MetricKind.RATE
