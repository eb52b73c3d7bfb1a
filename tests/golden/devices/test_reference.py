"""Our samples against the reference system's outputs: every value is the same, or its difference is explained here."""

import fnmatch
import functools

import pytest

from tests.golden.devices.ours import NOT_SET, SAME
from tests.golden.devices.polling import poll_rows
from tests.golden.devices.recordings import RECORDINGS, recording
from tests.golden.devices.reference import Value, enriched, polled

#: recording, group, row, name (each may have * and ?) -> why ours differs
EXPLAINED = {
    ("*", "status", "*", "*"): "how a poll went is a record of its own here, PollStatus",
    ("*", "*", "*", "dimension cpu_no"): "a snapshot by enrichment; ours has `module` where ENTITY-MIB tells it",
    (
        "juniper-*",
        "cpu",
        "*",
        "dimension cpu_type",
    ): "the words are the wrong way round there: a Routing Engine is control",
    ("cisco-*", "cpu", "*", "dimension cpu_type"): "the constant 'ctrl'",
    (
        "cisco-ios-3560G-48TS-S",
        "cpu",
        "WS-C3560-48PS",
        "*",
    ): "cpmCPUTotalPhysicalIndex is 0: no name, so the row is CPU 1",
    (
        "cisco-ios-49*",
        "cpu",
        "Switch System",
        "*",
    ): "the device says 1000, Linecard(slot 1); the other name is its parent's",
    ("cisco-nxos-3048", "memory", "Module *", "memory_total"): "kilobytes there; bytes here, used + free from one poll",
    (
        "*",
        "environment",
        "*",
        "temperature_fahrenheit",
    ): "0 means that there is no sensor (jnxOperatingTemp); no 0.0 is made",
    ("juniper-*", "cpu", "", "cpu_utilization"): "a row without a name, whose 0 means that it has no CPU",
    ("juniper-mx2020", "cpu", "FPM Board", "cpu_utilization"): "the front panel has no CPU: 0 and no memory",
    ("juniper-mx2020", "memory", "", "*"): "SPMB 0, whose name the reference lost; ours has it under its name",
    ("juniper-qfx", "environment", "PEM", "power_units_*"): "ours calls the kind as the device does: Power Supply",
    ("juniper-mx2020", "disk", "*", "dimension storage_type"): "the same words in snake case: fixed_disk",
    (
        "juniper-bgp",
        "bgp_session",
        "*",
        "interface_speed",
    ): "found through the ARP table, which has every host of a router: not read here",
    ("juniper-bgp", "bgp_session", "*", "dimension interface_name"): "as interface_speed",
    ("juniper-bgp", "bgp_session", "*", "dimension *"): "the constant 'unknown-...'",
    (
        "interfaces-*",
        "interface facts",
        "*",
        "parent_interface_*",
    ): "speed and type of the parent are on the parent's row: `parent` names it",
    ("interfaces-polling", "interface", "*", "dimension *"): "facts that the test of the reference made up by hand",
    ("interfaces-polling", "interface", "*", "configured_speed"): "made up by hand, as the dimension of that name",
    ("interfaces-polling", "interface", "*", "oper_admin_state_mismatch"): "both states are there to be compared",
    (
        "interfaces-polling",
        "interface",
        "*",
        "total_packets_*",
    ): "a sum of three rates: a derived value of the gauges stage",
}


Explanation = tuple[str, str, str, str]


@functools.cache
def differences(name: str) -> list[tuple[Value, object, list[Explanation]]]:
    """Return the reference's values that ours differs from, what ours is, and the explanations that fit each."""
    folder = recording(name)
    rows = poll_rows(folder / "walk.snmprec", RECORDINGS[name])
    differing = []
    for value in (*polled(folder), *enriched(folder)):
        find = SAME.get((value.group, value.name))
        found = find(rows, value.row) if find else None
        if found is None or found != ("" if value.value == NOT_SET else value.value):
            differing.append((value, found, explanations(name, value)))
    return differing


def explanations(name: str, value: Value) -> list[Explanation]:
    """Return the patterns of EXPLAINED that fit a value of a recording, in their order."""
    parts = (name, value.group, value.row, value.name)
    return [
        pattern
        for pattern in EXPLAINED
        if all(fnmatch.fnmatchcase(part, glob) for part, glob in zip(parts, pattern, strict=True))
    ]


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_difference_to_the_reference_is_explained(name: str):
    assert [(*value, "ours", found) for value, found, fitting in differences(name) if not fitting] == []


def test_no_explanation_is_idle():
    used = {fitting[0] for name in RECORDINGS for _, _, fitting in differences(name) if fitting}
    assert set(EXPLAINED) - used == set()
