"""What the pipeline says of who is there and how they are joined, against what lldpd and the kernel say. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tests.lab.spec import Port
from tests.lab.truth import Link, Neighbour

TOPICS: Final = ("inventory", "topology", "discovery-runs")

#: both ports of a cable
Ends = frozenset[Port]


class Heard(NamedTuple):
    """What one node's lldpd and kernel say."""

    links: Sequence[Link]
    neighbours: Sequence[Neighbour]


def cables_of(heard: Mapping[str, Heard]) -> set[Ends]:
    """Return the cables that lldpd tells of at both ends; a port that is named by its MAC address is the kernel's."""
    ports = {
        (name, known): Port(name, link.name)
        for name, one in heard.items()
        for link in one.links
        for known in (link.name, link.address)
    }
    said = {
        (Port(name, neighbour.port), ports.get((neighbour.system, neighbour.far_port)))
        for name, one in heard.items()
        for neighbour in one.neighbours
    }
    return {frozenset((here, there)) for here, there in said if there is not None and (there, here) in said}


@dataclass(slots=True)
class Joined:
    """The records of `inventory`, `topology` and `discovery-runs`, as they stand."""

    names: dict[str, str] = field(default_factory=dict)  #: key of the inventory -> id
    links: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)  #: keys of tombstones in the inventory
    unfollowed: dict[str, Mapping[str, str]] = field(default_factory=dict)  #: section -> system name -> why

    def take(self, topic: str, key: str, value: Mapping[str, Any]) -> None:
        """Take a record; an empty value is a tombstone."""
        if topic == "discovery-runs":
            self.unfollowed[key] = {each["system_name"]: each["why"] for each in value.get("unfollowed", ())}
            return
        stands: dict[str, Any] = self.names if topic == "inventory" else self.links
        if not value:
            if topic == "inventory":
                self.ended.append(key)
            stands.pop(key, None)
        else:
            stands[key] = value["resource_id"] if topic == "inventory" else value

    def in_state(self, state: str) -> set[Ends]:
        """Return the links of that state whose ends are both known."""
        return {
            frozenset(Port(end["resource"].rpartition("|")[2], end["row"]) for end in link["ends"])
            for link in self.links.values()
            if link["state"] == state and all(end["resource"] and end["row"] for end in link["ends"])
        }

    def lacking(self, wanted: Sequence[str], silent: frozenset[str]) -> Iterator[str]:
        """Yield who is not in the inventory, or not told of as silent."""
        there = set(self.names.values())
        yield from (f"{name} in the inventory" for name in wanted if name not in there)
        told = {name for names in self.unfollowed.values() for name, why in names.items() if why == "silent"}
        yield from (f"word that {name} is silent" for name in sorted(silent - told))

    def wrong(self, wanted: Sequence[str], cables: set[Ends]) -> Iterator[str]:
        """Yield what is there and should not be, and the reverse."""
        for name in sorted(set(self.names.values()) - set(wanted)):
            yield f"{name} is in the inventory, and is none of the lab's nodes"
        if len(self.names) != len(set(self.names.values())):
            yield f"a node is several resources: {', '.join(sorted(self.names))}"
        up = self.in_state("up")
        yield from (f"a link that lldpd does not tell of: {_said(ends)}" for ends in up - cables)
        yield from (f"no link with both ends: {_said(ends)}" for ends in cables - up)


def _said(ends: Ends) -> str:
    return " - ".join(sorted(map(str, ends)))
