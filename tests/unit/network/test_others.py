"""The plugins `addresses`, `inventory` and `bgp` on simulated and written devices."""

import pytest

from pollers.plugins.base import OptionError
from pollers.plugins.network import addresses, bgp, inventory
from pollers.profiles.authoring.recording import Entry
from pollers.snmp.values import Type, Value
from streams.playground.simulators.devices import fleet
from tests.unit.network.simulated import Recorded, context, entries_of, resource_of

FLEET = fleet()
ENTITY = "1.3.6.1.2.1.47.1.1.1.1"


def octets(text: str | bytes) -> Value:
    return Value(Type.OCTET_STRING, text if isinstance(text, bytes) else text.encode())


def number(value: int) -> Value:
    return Value(Type.INTEGER, value)


async def found_by(create, entries: list[Entry]):
    return await create(context(Recorded(entries))).enrich(resource_of(FLEET[0]))


async def test_addresses_of_the_newer_table_with_their_prefixes():
    prefix = "1.3.6.1.2.1.4.32.1.5.7.1.4.192.0.2.0.24"
    six = "2.16." + ".".join(map(str, bytes.fromhex("20010db8000000000000000000000001")))
    found = await found_by(
        addresses.create,
        [
            ("1.3.6.1.2.1.4.34.1.3.1.4.192.0.2.7", number(7)),
            ("1.3.6.1.2.1.4.34.1.4.1.4.192.0.2.7", number(1)),
            ("1.3.6.1.2.1.4.34.1.5.1.4.192.0.2.7", Value(Type.OBJECT_IDENTIFIER, prefix)),
            (f"1.3.6.1.2.1.4.34.1.3.{six}", number(9)),
            ("1.3.6.1.2.1.4.34.1.3.1.4.192.0.2.255", number(7)),
            ("1.3.6.1.2.1.4.34.1.4.1.4.192.0.2.255", number(3)),  # broadcast
            ("1.3.6.1.2.1.4.34.1.3.1.4.192.0", number(7)),  # garbled
        ],
    )
    assert found["addresses"].rows == {
        "192.0.2.7": {"if_index": "7", "prefix_length": "24"},
        "2001:db8::1": {"if_index": "9"},
    }


async def test_the_older_table_is_read_where_the_newer_one_has_no_ipv4():
    found = await found_by(
        addresses.create,
        [
            ("1.3.6.1.2.1.4.20.1.2.192.0.2.7", number(3)),
            ("1.3.6.1.2.1.4.20.1.3.192.0.2.7", Value(Type.IP_ADDRESS, b"\xff\xff\xff\xf0")),
        ],
    )
    assert found["addresses"].rows == {"192.0.2.7": {"if_index": "3", "prefix_length": "28"}}


async def test_bgp_peers_with_their_as_under_the_rows_of_their_gauges():
    device = next(device for device in FLEET if device.peers)
    access = Recorded(entries_of(device))
    found = (await bgp.create(context(access)).enrich(resource_of(device)))["bgp"]
    assert found.facts == {"local_as": str(device.local_as), "identifier": device.address}
    assert {(peer, row["remote_as"], row["local_address"]) for peer, row in found.rows.items()} == {
        (peer.address, str(peer.remote_as), peer.local_address) for peer in device.peers
    }
    assert access.session.stats.packets_sent <= 3


async def test_a_device_without_bgp_costs_one_packet():
    access = Recorded([])
    assert await bgp.create(context(access)).enrich(resource_of(FLEET[0])) == {}
    assert access.session.stats.packets_sent == 1


async def test_the_chassis_gives_the_facts_and_parts_that_can_be_replaced_are_told():
    def part(index: int, **columns: Value) -> list[Entry]:
        names = {"inside": 4, "kind": 5, "name": 7, "software": 10, "serial": 11, "model": 13, "text": 2}
        return [(f"{ENTITY}.{names[name]}.{index}", value) for name, value in columns.items()]

    found = (
        await found_by(
            inventory.create,
            [
                *part(1, kind=number(3), serial=octets("FOC1"), model=octets("C9300"), software=octets("17.9")),
                *part(2, inside=number(1), kind=number(8), serial=octets("sensor")),
                *part(3, inside=number(1), kind=number(5)),
                *part(4, inside=number(1), kind=number(10), name=octets("Te1/1"), serial=octets("SFP-7")),
                *part(5, inside=number(4), kind=number(9), model=octets("SFP-10G-SR"), serial=octets("A1")),
                *part(6, inside=number(1), kind=number(9), model=octets("NM-8X"), serial=octets("B2")),
                *part(7, inside=number(1), kind=number(10), name=octets("Te1/2")),
                *part(8, inside=number(1), kind=number(6), serial=octets(b"\xff\xfe"), model=octets("PWR-1")),
                ("1.3.6.1.6.3.10.2.1.1.0", octets(bytes.fromhex("80000009"))),
                ("1.3.6.1.2.1.17.1.1.0", octets(bytes.fromhex("0200000000aa"))),
            ],
        )
    )["inventory"]
    assert found.facts == {
        "engine_id": "80000009", "base_mac": "02:00:00:00:00:AA", "serial": "FOC1", "model": "C9300", "software": "17.9"
    }  # fmt: skip
    assert {index: row["class"] for index, row in found.rows.items()} == {
        "1": "chassis", "4": "transceiver", "5": "transceiver", "6": "module", "8": "power-supply",
    }  # fmt: skip
    assert "serial" not in found.rows["8"]


async def test_the_serial_number_of_a_simulated_chassis_is_found():
    device = next(device for device in FLEET if device.chassis)
    found = (await found_by(inventory.create, entries_of(device)))["inventory"]
    assert (found.facts["serial"], found.facts["model"]) == (device.chassis.serial, device.chassis.model)


@pytest.mark.parametrize("create", [addresses.create, bgp.create, inventory.create])
def test_options_that_they_have_not_are_refused(create):
    with pytest.raises(OptionError, match="profile"):
        create(context(Recorded([]), {"profile": "if-mib"}))
