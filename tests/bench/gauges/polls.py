"""Polls of many devices, as bytes: the load of the gauges benchmark and of its tests on the real stack."""

import io
import random
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import fastavro

from schemas.codec import parsed_schema, to_avro
from schemas.records import CounterColumn, DimensionColumn, GaugeColumn, RawCounters, StateColumn

FIRST_SLOT: Final = 1_700_000_040
GBIT: Final = 10**9
COUNTERS: Final = tuple(
    f"{what}_{way}"
    for what in ("octets", "unicast_packets", "multicast_packets", "broadcast_packets", "errors", "discards")
    for way in ("in", "out")
)
UNITS: Final = {"octets": "octets", "errors": "errors", "discards": "discards"}


class Load(NamedTuple):
    """How many polls of what."""

    resources: int
    slots: int
    rows: int = 48
    counters: int = 12
    interval_s: int = 60
    full: bool = True  #: with levels, states, offsets and discontinuities beside the counters, as real polls have them


def key_of(resource: int) -> str:
    return f"bench|network|switch|acme|sw{resource:05d}"


class _Truth(NamedTuple):
    """What stays the same over all polls of a resource."""

    offsets_ms: list[int]
    speeds: dict[str, list[int]]  #: counter -> units per second of each row
    starts: dict[str, list[int]]


@lru_cache(maxsize=10_000)
def _truth(load: Load, resource: int) -> _Truth:
    seeds = random.Random(resource)
    rows = range(load.rows)
    names = COUNTERS[: load.counters]
    return _Truth(
        [seeds.randrange(40) for _ in rows],
        {name: [seeds.randrange(1, 10**8 if "octets" in name else 10**5) for _ in rows] for name in names},
        {name: [seeds.randrange(2**45 if "octets" in name else 2**34) for _ in rows] for name in names},
    )


def poll(load: Load, resource: int, number: int) -> RawCounters:
    """Return poll `number` of a resource: the same for the same arguments, with rates that differ from cell to cell."""
    slot = FIRST_SLOT + number * load.interval_s
    rows = range(load.rows)
    truth = _truth(load, resource)
    passed_s = number * load.interval_s
    return RawCounters(
        resource=key_of(resource),
        site="bench",
        endpoint=f"192.0.2.{resource % 250}",
        labels={"rack": f"r{resource % 40}"},
        job=f"interfaces/acme/{load.interval_s}",
        group="interface",
        interval_s=load.interval_s,
        index=[f"Ethernet1/{row + 1}" for row in rows],
        dimensions=[
            DimensionColumn(name="alias", values=[f"to server {resource}-{row}" for row in rows]),
            DimensionColumn(name="media_type", values=["ethernetCsmacd"] * load.rows),
        ],
        line_rates=[100 * GBIT] * load.rows,
        slot=slot,
        polled_at_ms=slot * 1000 + resource % 900,
        uptime_cs=10**8 + passed_s * 100,
        counters=[
            CounterColumn(
                name=name,
                width=64,
                unit=UNITS.get(name.split("_", maxsplit=1)[0], "packets"),
                values=[start + speed * passed_s for start, speed in zip(truth.starts[name], speeds, strict=True)],
            )
            for name, speeds in truth.speeds.items()
        ],
        gauges=[GaugeColumn(name="speed", unit="bits/s", values=[1e11] * load.rows)] if load.full else [],
        states=[
            StateColumn(name="admin_state", values=["up"] * load.rows),
            StateColumn(name="oper_state", values=["up" if row % 8 else "down" for row in rows]),
        ]
        if load.full
        else [],
        offsets_ms=[offset + number * 7 % 5 for offset in truth.offsets_ms] if load.full else [],
        discontinuities_cs=[0] * load.rows if load.full else [],
    )


def encoded(record: RawCounters, schema_id: int) -> bytes:
    """Return the record in the Confluent wire format."""
    out = io.BytesIO(struct.pack(">bI", 0, schema_id))
    out.seek(5)
    fastavro.schemaless_writer(out, parsed_schema("raw_counters"), to_avro(record))
    return out.getvalue()


def messages(load: Load, schema_id: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of every poll, slot by slot."""
    for number in range(load.slots):
        for resource in range(load.resources):
            yield key_of(resource).encode(), encoded(poll(load, resource, number), schema_id)
