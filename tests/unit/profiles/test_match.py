"""The most specific profile wins, whatever order the files have."""

import random

import pytest

from pollers.profiles.importing.folder import import_texts
from pollers.profiles.loading.library import read_library
from pollers.profiles.match import Coverage, best_profile, covering, fits
from tests.unit.profiles.bench import library_of

PROFILES = library_of(
    "profile: any-acme\nmatch: {sys_object_id: [1.3.6.1.4.1.9.*]}",
    "profile: family\nmatch: {sys_object_id: [1.3.6.1.4.1.9.1.*]}",
    "profile: exact\nmatch: {sys_object_id: [1.3.6.1.4.1.9.1.7]}",
    "profile: secure\nmatch: {sys_object_id: [1.3.6.1.4.1.9.1.*], sys_descr: '(?i)security'}",
    "profile: by-text\nmatch: {sys_descr: FooOS}",
    "profile: mixin",
).profiles


@pytest.mark.parametrize(
    ("oid", "descr", "expected"),
    [
        pytest.param("1.3.6.1.4.1.9.1.7", "x", "exact", id="exact"),
        pytest.param("1.3.6.1.4.1.9.1.70", "x", "family", id="prefix-is-whole-numbers"),
        pytest.param(".1.3.6.1.4.1.9.1.8", "a Security thing", "secure", id="prefix-and-text"),
        pytest.param("1.3.6.1.4.1.9.1.7", "a Security thing", "exact", id="exact-beats-text"),
        pytest.param("1.3.6.1.4.1.9.2", None, "any-acme", id="shorter-prefix"),
        pytest.param("1.3.6.1.4.1.10", "FooOS 1", "by-text", id="text-alone"),
        pytest.param(None, "FooOS 1", "by-text", id="no-object-id"),
        pytest.param("1.3.6.1.4.1.10", "BarOS", None, id="none"),
        pytest.param("1.3.6.1.4.1.9", None, None, id="the-stem-itself"),
    ],
)
def test_the_most_specific_profile_wins(oid: str | None, descr: str | None, expected: str | None):
    profiles = list(PROFILES.values())
    for seed in range(5):
        random.Random(seed).shuffle(profiles)
        assert best_profile(profiles, oid, descr) == expected


def test_all_that_fit_are_told_best_first():
    found = [fit.name for fit in fits(PROFILES.values(), "1.3.6.1.4.1.9.1.7", "Security")]
    assert found == ["exact", "secure", "family", "any-acme"]


BUILT_IN = read_library().profiles


CISCO = "1.3.6.1.4.1.9"
JUNIPER = "1.3.6.1.4.1.2636.1.1.1"


@pytest.mark.parametrize(
    ("oid", "descr", "expected"),
    [
        (f"{CISCO}.1.1", "Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M)", "cisco-ios"),
        (f"{CISCO}.1.2494", "Cisco IOS Software [Cupertino], Catalyst (CAT9K_IOSXE)", "cisco-ios-xe"),
        (f"{CISCO}.1.1165", "Cisco IOS Software, ASR1000 Software (X86_64_LINUX_IOSD-UNIVERSALK9-M)", "cisco-asr1000"),
        (f"{CISCO}.1.1639", "Cisco IOS XR Software (Cisco ASR9K Series), Version 6.1.4", "cisco-ios-xr"),
        (f"{CISCO}.1.283", "Cisco IOS Software, s72033_rp Software (s72033_rp-ADVENTERPRISEK9_WAN-M)", "cisco-6500"),
        (f"{CISCO}.1.745", "Cisco Adaptive Security Appliance Version 9.2(4)", "cisco-asa"),
        (f"{CISCO}.12.3.1.3.1106", "Cisco NX-OS(tm) n3000, Software (n3000-uk9)", "cisco-nxos"),
        (f"{JUNIPER}.2.29", "Juniper Networks, Inc. mx960 internet router, kernel JUNOS 15.1", "juniper-mx"),
        (f"{JUNIPER}.4.130.3", "Juniper Networks, Inc. qfx10002-36q Ethernet Switch, kernel JUNOS", "juniper-qfx"),
        (f"{JUNIPER}.2.43", "Juniper Networks, Inc. ex4200-48t Ethernet Switch, kernel JUNOS", "juniper-ex"),
        (f"{JUNIPER}.2.39", "Juniper Networks, Inc. srx240h2 internet router, kernel JUNOS", "juniper-srx"),
        (f"{JUNIPER}.2.999", "Juniper Networks, Inc. new thing", "juniper"),
        ("1.3.6.1.4.1.30065.1.3011.7280", "Arista Networks EOS version 4.28", "arista-eos"),
        ("1.3.6.1.4.1.14823.1.1.32", "ArubaOS (MODEL: Aruba7210)", "aruba-wireless"),
        ("1.3.6.1.4.1.6141.1.68", "Ciena 3930", "ciena-saos"),
        ("1.3.6.1.4.1.8072.3.2.10", "Linux host 5.10", "linux"),
        ("1.3.6.1.4.1.22610.1.3.14", "AX Series Advanced Traffic Manager", "a10"),
        ("1.3.6.1.4.1.3375.2.1.3.4.43", "BIG-IP 2000", "f5-bigip"),
        (f"{CISCO}.12.3.1.3.1106", None, "cisco-nxos-chassis"),
        (f"{CISCO}.1.2237", "Cisco NX-OS(tm) n5000, Software (n5000-uk9), Version 7.3", "cisco-nxos"),
        (f"{CISCO}.1.2313", "Cisco Firepower Threat Defense, Version 6.2.3, ASA Version 9.9(2)", "cisco-asa"),
        (f"{CISCO}.1.2124", "Cisco IOS Software, c6880x Software (c6880x-ADVENTERPRISEK9-M)", "cisco-6500"),
        (f"{JUNIPER}.2.133", "edge firewall Berlin", "juniper"),
        ("1.3.6.1.4.1.1271.1.2.11", "5171", "ciena-ces"),
        ("1.3.6.1.4.1.8072.3.2.8", "FreeBSD host 14.0", "host"),
        ("1.3.6.1.4.1.8072.3.2.255", "host", "host"),
        ("1.3.6.1.2.1.33.1", "UPS", "ups-mib"),
        ("1.3.6.1.4.1.534.1", "Eaton 9PX", "eaton-ups"),
        ("1.3.6.1.4.1.476.1.42", "Liebert", "ups-mib"),
        ("1.3.6.1.4.1.318.1.3.27", "APC Web/SNMP Management Card", "apc-ups"),
        ("1.3.6.1.4.1.99999", "something", None),
    ],
)
def test_known_devices_get_the_profile_of_their_family(oid: str, descr: str, expected: str | None):
    assert best_profile(BUILT_IN.values(), oid, descr) == expected


def test_profiles_are_ranked_by_what_they_find_in_a_recording():
    few = "profile: few\ntables: {t: {columns: {a: {oid: 1.3.6.1.4.1.9.1}}}}\nemit: {g: t}"
    most = "profile: most\ntables: {t: {columns: {a: {oid: 1.3.6.1.4.1.9.1}, b: {oid: 1.3.6.1.4.1.9.2}}}}\nemit: {g: t}"
    wide = f"{most.replace('most', 'wide')}\nscalars: {{s: {{columns: {{c: {{oid: 1.3.6.1.4.1.9.7.0}}}}}}}}"
    none = "profile: none\ntables: {t: {columns: {a: {oid: 1.3.6.1.4.1.9.10}}}}\nemit: {g: t}"
    library = library_of(few, wide, most, none)
    found = covering(library.profiles.values(), ["1.3.6.1.4.1.9.1.5", "1.3.6.1.4.1.9.2.5", "1.3.6.1.4.1.9.100.5"])
    assert found == [Coverage("most", 2, 2, 2), Coverage("wide", 2, 2, 3), Coverage("few", 1, 1, 1)]


def test_an_imported_profile_yields_to_others_unless_it_is_to_override_them():
    mine = "profile: mine\nmatch: {sys_object_id: [1.3.6.1.4.1.9.1.*]}"
    closer = "profile: closer\nmatch: {sys_object_id: [1.3.6.1.4.1.9.1.5]}"
    profiles = library_of(mine, f"{closer}\nyields: true").profiles.values()
    assert [fit.name for fit in fits(profiles, "1.3.6.1.4.1.9.1.5", None)] == ["mine", "closer"]
    assert best_profile(library_of(mine, closer).profiles.values(), "1.3.6.1.4.1.9.1.5", None) == "closer"
    thing = "sysobjectid: [1.3.6.1.4.1.99999.45*]\nmetrics: []\n"
    found = import_texts("kentik", {"thing.yml": thing})
    assert "yields: true" in found.profiles["kentik-thing"]
    assert "yields" not in import_texts("kentik", {"thing.yml": thing}, override=True).profiles["kentik-thing"]
    imported = library_of(found.profiles["kentik-thing"]).profiles.values()
    assert best_profile(imported, "1.3.6.1.4.1.99999.45", None) == "kentik-thing"
    assert best_profile(imported, "1.3.6.1.4.1.99999.45.1", None) == "kentik-thing"
    assert [loss.where for loss in found.losses] == ["sysobjectid"]


def test_what_is_inherited_from_a_standard_mib_does_not_speak_for_a_vendors_profile():
    library = library_of(
        "profile: plain\ntables: {t: {columns: {a: 1.3.6.1.2.1.2.2.1.10, b: 1.3.6.1.2.1.2.2.1.16}}}\nemit: {g: t}",
        "profile: acme\nextends: [plain]\ntables: {u: {columns: {c: 1.3.6.1.4.1.99999.1}}}\nemit: {h: u}",
    )
    plain = ["1.3.6.1.2.1.2.2.1.10.1", "1.3.6.1.2.1.2.2.1.16.1"]
    assert [one.name for one in covering(library.profiles.values(), plain)] == ["plain"]
    both = covering(library.profiles.values(), [*plain, "1.3.6.1.4.1.99999.1.1"])
    assert [one.name for one in both] == ["acme", "plain"]
