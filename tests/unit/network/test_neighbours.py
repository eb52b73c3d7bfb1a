"""The plugin `neighbours` on simulated devices, and on neighbour tables with nonsense."""

import pytest

from pollers.plugins.base import OptionError
from pollers.plugins.network import neighbours
from pollers.plugins.network.heard import MOST_ON_A_PORT
from pollers.plugins.snmp import polling as snmp_profile
from pollers.profiles.authoring.recording import Entry
from pollers.snmp.values import Type, Value
from schemas.records import EnrichedResource, Job
from streams.playground.simulators.devices import MUTE_ROLES, fleet
from streams.playground.simulators.truth import SimulatedDevice
from tests.unit.network.simulated import INTERVAL_S, Recorded, context, entries_of, resource_of

FLEET = [device for device in fleet() if device.role not in MUTE_ROLES]
OF_EACH_VENDOR = list({device.vendor: device for device in FLEET}.values())
LLDP = "1.0.8802.1.1.2.1"
LLDP_V2 = "1.3.111.2.802.1.1.13.1"
CDP = "1.3.6.1.4.1.9.9.23.1"
SUBTYPE = {"mac": 4, "name": 5, "local": 7}


def octets(text: str | bytes) -> Value:
    return Value(Type.OCTET_STRING, text if isinstance(text, bytes) else text.encode())


def number(value: int) -> Value:
    return Value(Type.INTEGER, value)


def device_of(*more: Entry) -> list[Entry]:
    """A device with the ports Gi0/1 and Gi0/2 (ifIndex 1 and 2), which speaks LLDP and has not heard anybody."""
    return [
        ("1.3.6.1.2.1.1.1.0", octets("A switch")),
        ("1.3.6.1.2.1.1.2.0", Value(Type.OBJECT_IDENTIFIER, "1.3.6.1.4.1.99999.1")),
        ("1.3.6.1.2.1.1.3.0", Value(Type.TIME_TICKS, 1)),
        *((f"1.3.6.1.2.1.31.1.1.1.1.{index}", octets(f"Gi0/{index}")) for index in (1, 2)),
        *((f"1.3.6.1.2.1.2.2.1.2.{index}", octets(f"GigabitEthernet0/{index}")) for index in (1, 2)),
        *((f"1.3.6.1.2.1.2.2.1.8.{index}", number(index)) for index in (1, 2)),
        (f"{LLDP}.3.1.0", number(SUBTYPE["mac"])),
        (f"{LLDP}.3.2.0", octets(bytes.fromhex("020000000001"))),
        (f"{LLDP}.3.3.0", octets("me")),
        *more,
    ]


def heard(
    port: int = 1,
    *,
    chassis: bytes = bytes.fromhex("0200000000ff"),
    chassis_subtype: int = SUBTYPE["mac"],
    port_id: bytes = b"eth0",
    port_subtype: int = 5,
    name: bytes = b"other",
    rem: int = 1,
    mark: int = 77,
) -> list[Entry]:
    """One row of lldpRemTable."""
    columns = {
        4: number(chassis_subtype), 5: octets(chassis), 6: number(port_subtype), 7: octets(port_id),
        8: octets(b"a port"), 9: octets(name),
    }  # fmt: skip
    return [(f"{LLDP}.4.1.1.{column}.{mark}.{port}.{rem}", value) for column, value in columns.items()]


async def found_in(entries: list[Entry]):
    found = await neighbours.create(context(Recorded(entries))).enrich(resource_of(FLEET[0]))
    return found["neighbours"], found["ports"]


@pytest.mark.parametrize("device", OF_EACH_VENDOR, ids=lambda device: device.vendor)
async def test_every_neighbour_of_a_simulated_device_is_found_on_the_row_of_its_gauges(device: SimulatedDevice):
    access = Recorded(entries_of(device))
    found = await neighbours.create(context(access)).enrich(resource_of(device))
    assert access.session.stats.packets_sent <= 20
    job = Job(plugin="polling", profile="if-mib", interval_s=INTERVAL_S)
    enriched = EnrichedResource(resource=resource_of(device), enrichments={}, jobs=[job], jobs_since_ms=0)
    poll = await snmp_profile.create(context(Recorded(entries_of(device)))).poll(enriched, job, 0)
    rows = set(next(sample.index for sample in poll.samples if sample.group == "interface"))
    assert set(found["ports"].rows) == rows
    names = {interface.index: interface.name for interface in device.interfaces}
    for protocol in ("lldp", "cdp"):
        said = {
            (row["row"], row["system_name"], row["addresses"])
            for row in found["neighbours"].rows.values()
            if row["protocol"] == protocol
        }
        there = [each for each in device.neighbours if protocol == "lldp" or device.vendor == each.vendor == "cisco"]
        assert said == {(names[each.port], each.device_id, each.address) for each in there}
    assert {row["row"] for row in found["neighbours"].rows.values()} <= rows
    assert found["neighbours"].facts["chassis_id"] == device.chassis_id.hex(":").upper()
    assert found["neighbours"].facts["sys_name"] == device.device_id
    assert not [name for name in found["neighbours"].facts if name.startswith("rejected.")]


async def test_a_time_mark_that_changes_is_no_change():
    early, _ = await found_in(device_of(*heard(mark=77)))
    late, _ = await found_in(device_of(*heard(mark=99, rem=5)))
    assert early == late
    assert early.rows == {
        "lldp|Gi0/1|02:00:00:00:00:FF|eth0": {
            "protocol": "lldp", "row": "Gi0/1", "if_index": "1", "chassis_id": "02:00:00:00:00:FF",
            "chassis_id_type": "mac", "port_id": "eth0", "port_id_type": "name", "port_description": "a port",
            "system_name": "other",
        }
    }  # fmt: skip


async def test_ports_tell_whether_they_are_up_and_what_they_are_called():
    own = {2: number(5), 3: octets("ge-one"), 4: octets("GigabitEthernet0/1")}
    _, ports = await found_in(device_of(*((f"{LLDP}.3.7.1.{column}.41", value) for column, value in own.items())))
    assert ports.rows == {
        "Gi0/1": {"if_index": "1", "oper_state": "up", "description": "GigabitEthernet0/1", "lldp_port_id": "ge-one",
                  "lldp_port_id_type": "name"},
        "Gi0/2": {"if_index": "2", "oper_state": "down", "description": "GigabitEthernet0/2"},
    }  # fmt: skip


async def test_the_newer_mib_is_read_where_the_device_has_it():
    columns = {5: number(4), 6: octets(bytes(6)), 7: number(5), 8: octets("x1"), 9: octets("d"), 10: octets("far")}
    entries = device_of(
        (f"{LLDP_V2}.3.1.0", number(4)),
        (f"{LLDP_V2}.3.2.0", octets(bytes.fromhex("020000000001"))),
        *((f"{LLDP_V2}.4.1.1.{column}.5.2.1.9", value) for column, value in columns.items()),
        (f"{LLDP_V2}.4.2.1.3.5.2.1.9.1.4.192.0.2.7", number(2)),
    )
    found, _ = await found_in(entries)
    [row] = found.rows.values()
    assert (row["protocol"], row["row"], row["system_name"]) == ("lldp-v2", "Gi0/2", "far")
    assert row["addresses"] == "192.0.2.7"


async def test_two_management_addresses_are_told_in_one_order():
    addresses = [(f"{LLDP}.4.2.1.3.77.1.1.1.4.192.0.2.{last}", number(2)) for last in (9, 7)]
    found, _ = await found_in(device_of(*heard(), *addresses, (f"{LLDP}.4.2.1.3.77.1.1.1.4.192.0.2", number(2))))
    assert next(iter(found.rows.values()))["addresses"] == "192.0.2.7,192.0.2.9"
    assert found.facts["rejected.bad-management-address"] == "1"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"chassis": b"\1\2\3"}, "subtype-and-length-disagree", id="a-mac-of-three-octets"),
        pytest.param({"chassis_subtype": 5, "chassis": b"\1\x0a"}, "subtype-and-length-disagree", id="half-an-address"),
        pytest.param({"chassis_subtype": 99}, "unknown-subtype", id="a-subtype-that-is-none"),
        pytest.param({"port_id": b"\xff\x00\xfe" * 85}, "odd-bytes", id="a-name-of-255-odd-bytes"),
        pytest.param({"port_id": b"\xff" * 255, "port_subtype": 7}, "odd-bytes", id="a-local-id-of-255-odd-bytes"),
        pytest.param({"port_id": b"x" * 256}, "subtype-and-length-disagree", id="a-name-that-is-too-long"),
        pytest.param({"port_id": b""}, "incomplete", id="no-port"),
        pytest.param({"port": 3}, "unknown-local-port", id="a-port-that-the-device-has-not"),
        pytest.param(
            {"chassis": bytes.fromhex("020000000001"), "port_id": b"Gi0/2", "port": 2}, "link-to-itself", id="itself"
        ),
    ],
)
async def test_a_bad_row_is_kept_out_with_its_reason_and_the_good_ones_stay(bad, reason):
    found, _ = await found_in(device_of(*heard(), *heard(**{"port": 2, "rem": 2, **bad})))
    assert list(found.rows) == ["lldp|Gi0/1|02:00:00:00:00:FF|eth0"]
    assert {name: count for name, count in found.facts.items() if name.startswith("rejected.")} == {
        f"rejected.{reason}": "1"
    }


async def test_a_binary_local_id_stays_as_hexadecimal_and_an_odd_name_costs_the_name_only():
    found, _ = await found_in(device_of(*heard(port_id=b"\x00\xff\x01", port_subtype=7, name=b"\xff\xfe")))
    [row] = found.rows.values()
    assert row["port_id"] == "00ff01"
    assert "system_name" not in row


async def test_ten_thousand_neighbours_on_a_port_are_cut_to_the_same_few_each_time():
    crowd = [
        entry
        for rem in range(10_000)
        for entry in heard(rem=rem, chassis=b"\2\0\0\0" + rem.to_bytes(2), name=str(rem).encode())
    ]
    found, _ = await found_in(device_of(*crowd, *heard(2, rem=1)))
    on_port = [row for row in found.rows.values() if row["row"] == "Gi0/1"]
    assert len(on_port) == MOST_ON_A_PORT
    assert found.facts["rejected.too-many-on-a-port"] == str(10_000 - MOST_ON_A_PORT)
    assert [row["row"] for row in found.rows.values() if row["row"] != "Gi0/1"] == ["Gi0/2"]


async def test_cdp_alone_does_and_its_nonsense_is_kept_out():
    def row(index: str, name: bytes, port: bytes) -> list[Entry]:
        columns = {3: number(1), 4: octets(b"\xc0\0\2\1"), 6: octets(name), 7: octets(port)}
        return [(f"{CDP}.2.1.1.{column}.{index}", value) for column, value in columns.items()]

    entries = [entry for entry in device_of() if not entry[0].startswith(LLDP)]
    found, _ = await found_in(
        [*entries, (f"{CDP}.3.4.0", octets("me")), *row("1.1", b"sw2", b"Gi1/1"), *row("1.2", b"\xff\xfe", b"Gi1/1"),
         *row("2.3", b"sw3", b""), *row("2.4", b"me", b"Gi0/2")]
    )  # fmt: skip
    assert [(each["system_name"], each["addresses"]) for each in found.rows.values()] == [("sw2", "192.0.2.1")]
    counts = {name: count for name, count in found.facts.items() if name.startswith("rejected.")}
    assert counts == {"rejected.odd-bytes": "1", "rejected.incomplete": "1", "rejected.link-to-itself": "1"}


async def test_a_device_that_speaks_neither_has_ports_and_no_neighbours():
    access = Recorded([entry for entry in device_of() if not entry[0].startswith(LLDP)])
    found = await neighbours.create(context(access)).enrich(resource_of(FLEET[0]))
    assert (dict(found["neighbours"].rows), dict(found["neighbours"].facts)) == ({}, {})
    assert access.session.stats.packets_sent <= 5


def test_options_that_it_has_not_are_refused():
    with pytest.raises(OptionError, match="depth"):
        neighbours.create(context(Recorded([]), {"depth": "3"}))
