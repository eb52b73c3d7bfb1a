"""When a number is a reason to worry, and what is said of it."""

import pytest

from streams.runtime.doctor.brokers import places
from streams.runtime.doctor.certificates import Endpoint, endpoints
from streams.runtime.doctor.findings import DAY_S, Level, fault, of_certificate, of_clock, of_group, ok, warning, worst
from streams.runtime.settings.loading import Settings, load

NOW_S = 1_800_000_000


@pytest.mark.parametrize(
    ("left_s", "level", "said"),
    [
        pytest.param(-2 * DAY_S, Level.FAULT, "expired 2 days ago", id="expired"),
        pytest.param(0, Level.FAULT, "expired 0 days ago", id="just-now"),
        pytest.param(29 * DAY_S, Level.WARNING, "expires in 29 days", id="soon"),
        pytest.param(31 * DAY_S, Level.OK, "lasts 31 days", id="fine"),
    ],
)
def test_a_certificate(left_s, level, said):
    found = of_certificate("kafka", NOW_S + left_s, NOW_S)
    assert (found.level, found.text) == (level, f"kafka {said}")
    assert bool(found.advice) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("ahead_s", "unsure_s", "level"),
    [
        pytest.param(0.2, 0.01, Level.OK, id="together"),
        pytest.param(1.5, 0.1, Level.FAULT, id="ahead"),
        pytest.param(-1.5, 0.1, Level.FAULT, id="behind"),
        pytest.param(1.5, 0.6, Level.OK, id="too-unsure-to-say"),
    ],
)
def test_a_clock(ahead_s, unsure_s, level):
    assert of_clock("Redis", ahead_s, unsure_s).level is level


@pytest.mark.parametrize(
    ("members", "behind", "late", "level"),
    [
        pytest.param(2, 10, (), Level.OK, id="keeps-up"),
        pytest.param(1, 10, ("t",), Level.WARNING, id="late"),
        pytest.param(0, 0, (), Level.WARNING, id="nobody-and-nothing-to-do"),
        pytest.param(0, 3, (), Level.FAULT, id="nobody"),
    ],
)
def test_a_stage(members, behind, late, level):
    assert of_group("polling", members, behind, late).level is level


def test_the_worst_counts():
    assert worst([]) is Level.OK
    assert worst([warning("a", "b", "c"), ok("a", "b")]) is Level.WARNING
    assert worst([ok("a", "b"), fault("a", "b", "c"), warning("a", "b", "c")]) is Level.FAULT


def test_stages_that_read_in_a_group_are_looked_at_and_each_sink():
    environ = {
        "PANOPTES_SINK_A_PLUGIN": "jsonl",
    }
    titles = [place.title for place in places(load(None, environ))]
    assert titles == ["discovery", "resources", "enrichment", "polling", "gauges"]


def test_only_services_that_speak_tls_have_certificates(tmp_path):
    assert endpoints(Settings()) == []
    environ = {
        "PANOPTES_KAFKA_SECURITY_PROTOCOL": "SSL",
        "PANOPTES_KAFKA_BOOTSTRAP_SERVERS": "k1:9093, [::1]:9094",
        "PANOPTES_ZOOKEEPER_TLS": "true",
        "PANOPTES_ZOOKEEPER_HOSTS": "z",
        "PANOPTES_REDIS_URL": "rediss://u:p@r/0",
        "PANOPTES_REGISTRY_URL": "https://g/apis",
    }
    assert endpoints(load(None, environ)) == [
        Endpoint("kafka k1:9093", "k1", 9093),
        Endpoint("kafka [::1]:9094", "::1", 9094),
        Endpoint("zookeeper z", "z", 2281),
        Endpoint("redis", "r", 6379),
        Endpoint("registry", "g", 443),
    ]
