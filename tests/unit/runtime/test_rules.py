"""`[snmp:NAME]` and `[class:NAME]`: what they say of whom, and what of them cannot be read."""

from dataclasses import replace

import pytest

from pollers.snmp.client import Device
from pollers.snmp.limits import Engine, Limits
from schemas.records import Resource
from streams.enrichment.merging import first_seen
from streams.runtime.rules import answered, classes
from streams.runtime.settings.loading import SettingsError, load
from streams.runtime.settings.pages import show
from streams.runtime.snmp import device_limits
from tests.unit.resources.test_inventory import SWITCH

OLD = Device(SWITCH.site, SWITCH.resource_id, SWITCH.endpoint)


@pytest.fixture
def read(tmp_path):
    def settings(text, environ=None):
        path = tmp_path / "panoptes.ini"
        path.write_text(text)
        return load(path, environ or {})

    return settings


def test_a_device_is_treated_by_the_first_section_that_fits_what_is_known_of_it(read):
    limits = device_limits(
        read(
            """
            [snmp]
            timeout_s = 3
            retries = 4
            [snmp:b-all]
            filter = resource_site = 'lab'
            retries = 0
            [snmp:a-old]
            filter = facts.sys_descr LIKE '%12.1%'
            timeout_s = 10
            response_bytes = 484
            engine = pysnmp
            """.replace("            ", "")
        )
    )
    assert limits.of(OLD) == Limits(timeout_s=3, retries=4)
    limits.know(first_seen(SWITCH))
    assert limits.of(OLD) == Limits(timeout_s=3, retries=0)
    old = answered(SWITCH, {"sys_descr": "IOS 12.1(3)"})
    limits.know(old)
    expected = Limits(timeout_s=10, retries=4, response_bytes=484, engine=Engine.PYSNMP)
    assert limits.of(OLD) == expected
    assert limits.of(OLD._replace(device_id="another")) == Limits(timeout_s=3, retries=4)
    limits.know(replace(old, resource=replace(SWITCH, site="ams1")))
    assert limits.of(OLD) == expected, "a device of another site with the same id is another one"
    assert limits.of(OLD) is limits.of(OLD), "a device's memory goes by the object"


def test_a_variable_of_the_environment_overrides_a_section(read):
    text = "[snmp:old]\nfilter = resource_site = 'lab'\ntimeout_s = 5\n"
    [section] = read(text, {"PANOPTES_SNMP_OLD_TIMEOUT_S": "7"}).snmp_sections
    assert (section.name, section.timeout_s) == ("old", 7)


def test_what_is_shown_reads_back_as_the_same(read):
    settings = read(
        "[snmp:old]\nfilter = facts.sys_descr LIKE '%12.1%'\nretries = 1\n"
        "[class:ios]\nfilter = facts.sys_descr LIKE '%IOS%'\nresource_type = cisco\n"
    )
    text = show(settings)
    again = read(text[text.index("[snmp:old]") : text.index("[discovery:")])
    assert (again.snmp_sections, again.class_sections) == (settings.snmp_sections, settings.class_sections)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[snmp:a]\ntimeout_s = 5", "[snmp:a] filter: expected a text that is not empty", id="no-filter"),
        pytest.param("[snmp:a]\nfilter = facts.x LIKE\n", "facts.x LIKE\n                ^", id="with-its-caret"),
        pytest.param("[snmp:a]\nfilter = resource_id = 'x'\ntimout_s = 5", "did you mean timeout_s", id="mistyped"),
        pytest.param("[snmp:a]\nfilter = resource_id = 'x'\nprobes = 5", "a setting of this section", id="the-workers"),
        pytest.param("[snmp:a]\nfilter = resource_id = 'x'\nretries = -1", "at least 0", id="out-of-bounds"),
        pytest.param(
            "[snmp:a]\nfilter = resource_id = 'x'\nresponse_bytes = 2000", "no larger than response_bytes_max",
            id="beside-what-the-general-section-says",
        ),
        pytest.param("[snmp:a b]\nfilter = resource_id = 'x'", "expected a name", id="a-name-that-is-none"),
        pytest.param("[class:a]\nfilter = resource_id = 'x'\nresource_class = a|b", "resource_class", id="a-separator"),
        pytest.param(
            "[class:a]\nfilter = resource_id = 'x'\nresource_id = sys_name", "expected a field", id="no-field"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(read, text, says):
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert says in str(caught.value)


FOUND: Resource = replace(SWITCH, resource_class="network", resource_subclass="device", resource_type="snmp")
CISCO = {"sys_object_id": "1.3.6.1.4.1.9.1.1"}
RULES = """
[class:a-ios]
filter = facts.sys_object_id LIKE '1.3.6.1.4.1.9.%' AND facts.sys_descr LIKE '%IOS%'
resource_subclass = switch
resource_type = cisco
resource_id = resource_endpoint
[class:b-any-cisco]
filter = facts.sys_object_id LIKE '1.3.6.1.4.1.9.%'
resource_type = cisco
resource_id = facts.engine_id
"""


@pytest.mark.parametrize(
    ("facts", "identity"),
    [
        pytest.param(
            {**CISCO, "sys_descr": "Cisco IOS"}, "lab|network|switch|cisco|192.0.2.1", id="the-first-that-fits"
        ),
        pytest.param({**CISCO, "engine_id": "80|01"}, "lab|network|device|cisco|80_01", id="the-next"),
        pytest.param(CISCO, "lab|network|device|cisco|sw1", id="the-field-is-empty"),
        pytest.param({"sys_descr": "Cisco IOS"}, "lab|network|device|snmp|sw1", id="none"),
    ],
)
def test_a_device_is_classified_by_the_first_rule_that_fits_its_answer(read, facts, identity):
    assert classes(read(RULES).class_sections)(FOUND, facts).identity == identity
