"""A network of many devices as the topics have it: what enrichment found, links, the last polls, and gauges."""

from collections.abc import Iterator

from schemas.records import EnrichedResource, Enrichment, Job, Link, LinkEnd, LinkState, Outcome, PollStatus, Resource
from tests.bench.sinks.load import key_of

JOB = "interfaces/cisco-ios/60"
_SPINE_EVERY = 40


def resources(devices: int, rows: int) -> Iterator[tuple[str, EnrichedResource]]:
    """Yield each device with its facts and its interfaces, as enrichment has them."""
    for number in range(devices):
        site, class_, subclass, type_, name = key_of(number).split("|")
        known = Resource(
            site=site, resource_class=class_, resource_subclass=subclass, resource_type=type_, resource_id=name,
            endpoint=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", plugins=["netbox"], first_seen_ms=1,
            last_seen_ms=1, labels={"rack": f"r{number % 40}"}, identifiers={"serial": f"FOC{number:08d}"},
        )  # fmt: skip
        facts = {
            "sys_name": name, "sys_descr": f"Cisco IOS Software, C2960X, Version 15.2(7)E{number % 9}, RELEASE (fc3)",
            "sys_object_id": "1.3.6.1.4.1.9.1.1208", "profile": "cisco-ios", "sys_location": f"hall {number % 7}",
        }  # fmt: skip
        texts = {
            f"GigabitEthernet1/0/{row}": {
                "name": f"GigabitEthernet1/0/{row}", "alias": f"to desk {number}-{row}", "if_index": str(10_100 + row),
                "media_type": "ethernetCsmacd", "physical_address": f"00:00:5e:{number >> 8:02x}:53:{row:02x}",
            }
            for row in range(rows)
        }  # fmt: skip
        found = {
            "device": Enrichment(plugin="device", collected_at_ms=1, ttl_s=3600, facts=facts),
            "interfaces": Enrichment(plugin="interfaces", collected_at_ms=1, ttl_s=3600, rows=texts),
        }
        job = Job(plugin="interfaces", profile="cisco-ios", interval_s=60)
        yield known.identity, EnrichedResource(resource=known, enrichments=found, jobs=[job], jobs_since_ms=0)


def statuses(devices: int, slot: int) -> Iterator[tuple[str, PollStatus]]:
    """Yield a poll of every device; one in two hundred does not answer."""
    for number in range(devices):
        silent = number % 200 == 7
        yield key_of(number), PollStatus(
            resource=key_of(number), site="fra1", endpoint=f"10.0.0.{number % 250}", job=JOB, slot=slot, interval_s=60,
            outcome=Outcome.TIMEOUT if silent else Outcome.SUCCESS, reason="no answer in 3 tries" if silent else "",
            started_at_ms=slot * 1000 + number % 977, lateness_ms=number % 977, duration_ms=40, packets_sent=12,
            retries=0, values=0 if silent else 768, worker=f"poller-{number % 4}:1",
        )  # fmt: skip


def links(devices: int) -> Iterator[tuple[str, Link]]:
    """Yield a link of every device to its spine."""
    for number in range(devices):
        spine = number - number % _SPINE_EVERY
        if number != spine:
            ends = [LinkEnd(resource=key_of(spine), row=f"GigabitEthernet1/0/{number % _SPINE_EVERY}"),
                    LinkEnd(resource=key_of(number), row="GigabitEthernet1/0/1")]  # fmt: skip
            yield f"link {number}", Link(ends=ends, state=LinkState.UP, since_ms=1, speed_bits_per_s=10**9)
