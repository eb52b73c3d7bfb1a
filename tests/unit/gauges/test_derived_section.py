"""`[transform:…]` sections with `plugin = derived`: what they declare, and what is said of a wrong one."""

import pytest

from pollers.plugins.base import OptionError, PluginContext
from streams.gauges.transforms.derived_section import create
from streams.runtime.plugins import NoAccess


def section(**options: str) -> PluginContext:
    return PluginContext(section="s", interval_s=0, options=options, snmp=NoAccess(), now_ms=lambda: 0)


def test_values_have_the_group_of_their_section_and_a_unit_each():
    bits, share = create(
        section(**{"group": "interface", "bits": "a * 8", "bits.unit": "bits/s", "share": "a / line.a"})
    ).values
    assert (bits.group, bits.name, bits.unit, bits.expression.text) == ("interface", "bits", "bits/s", "a * 8")
    assert (share.group, share.name, share.unit) == ("interface", "share", "1")


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        pytest.param({"a": "b"}, {"group": "metric group"}, id="no-group"),
        pytest.param({"group": "g"}, {"group": "at least one value"}, id="no-value"),
        pytest.param(
            {"group": "g", "a": "b +", "c": "sum(d)"}, {"a": "not the end", "c": "other rows"}, id="two-wrong"
        ),
        pytest.param({"group": "g", "a": "b", "c.unit": "s"}, {"c.unit": "no value c"}, id="unit-of-nothing"),
    ],
)
def test_every_declaration_that_is_wrong_is_named(options, problems):
    with pytest.raises(OptionError) as refused:
        create(section(**options))
    assert refused.value.problems.keys() == problems.keys()
    assert all(text in refused.value.problems[name] for name, text in problems.items())
