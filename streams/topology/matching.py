"""Matches a neighbour to a known resource and port, by the names that both ends use."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from streams.topology.told import Told, ToldBy, ToldPort

UNKNOWN_RESOURCE: Final = "unknown-resource"
UNKNOWN_PORT: Final = "unknown-port"
AMBIGUOUS: Final = "ambiguous"
_NAME: Final = "name"


class MatchedEnds(NamedTuple):
    """The far end of a report, as far as it is known."""

    resource: str  #: identity, or empty
    row: str  #: of the port, or empty
    why: str  #: what is not known, or empty


class Directory:
    """An index of all resources by the names that neighbours use; rebuilt for each fold."""

    def __init__(self, everyone: Mapping[str, Told]) -> None:
        self._everyone = everyone
        self._by_chassis: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_address: dict[str, list[str]] = {}
        self._ports: dict[str, _Names] = {}
        for identity, told in everyone.items():
            for texts, found in (
                (told.chassis_ids, self._by_chassis),
                (told.names, self._by_name),
                (told.addresses, self._by_address),
            ):
                for text in texts:
                    found.setdefault(text, []).append(identity)

    def match(self, said: ToldBy) -> MatchedEnds:
        """Identify the neighbour: by chassis id, else by name, else by address, where that is unambiguous."""
        resource, why = self._resource(said)
        if not resource:
            return MatchedEnds("", "", why)
        direct = self._everyone[resource].ports.get(said.port_id)
        if direct is not None and direct.lldp_id == said.port_id and said.port_id_type == _NAME:
            return MatchedEnds(resource, direct.row, "")  # most are: all the other names need not be looked at
        names = self._ports.get(resource)
        if names is None:
            names = self._ports[resource] = _Names(self._everyone[resource].ports.values())
        row = names.row(said)
        return MatchedEnds(resource, row, "" if row else UNKNOWN_PORT)

    def _resource(self, said: ToldBy) -> tuple[str, str]:
        named = self._by_name.get(said.system_name.lower(), ()) if said.system_name else ()
        addressed = list(dict.fromkeys(who for text in said.addresses for who in self._by_address.get(text, ())))
        found: Iterable[str] = self._by_chassis.get(said.chassis_id, ()) if said.chassis_id else ()
        if not found:
            # who has another chassis id is another device, whatever it is called
            found = [who for who in named if self._may_be(who, said)] or [
                who for who in addressed if self._may_be(who, said)
            ]
        candidates = set(found)
        for narrower in (named, addressed):
            if len(candidates) > 1:
                candidates = candidates.intersection(narrower) or candidates
        if len(candidates) > 1:
            return "", AMBIGUOUS
        return next(((who, "") for who in candidates), ("", UNKNOWN_RESOURCE))

    def _may_be(self, who: str, said: ToldBy) -> bool:
        return not (said.chassis_id and self._everyone[who].chassis_ids)


class _Names:
    """The ports of one resource by all their names; None where two have the same."""

    def __init__(self, ports: Iterable[ToldPort]) -> None:
        self._exact: dict[str, str | None] = {}
        self._names: dict[str, str | None] = {}
        self._aliases: dict[str, str | None] = {}
        self._macs: dict[str, str | None] = {}
        self._indexes: dict[str, str | None] = {}
        for port in ports:
            self._put(self._exact, port.lldp_id, port.row)
            for text in {port.row, port.name, port.description}:
                self._put(self._names, text, port.row)
            self._put(self._aliases, port.alias, port.row)
            self._put(self._macs, port.mac, port.row)
            self._put(self._indexes, port.if_index, port.row)

    @staticmethod
    def _put(found: dict[str, str | None], text: str, row: str) -> None:
        if text:
            found[text] = row if found.get(text, row) == row else None

    def row(self, said: ToldBy) -> str:
        """Return the row of the port that is meant, or nothing."""
        by_kind = {
            "mac": (self._macs, self._exact),
            "local": (self._exact, self._indexes, self._names),
            "alias": (self._aliases, self._exact, self._names),
        }
        for names in by_kind.get(said.port_id_type, (self._exact, self._names, self._aliases)):
            if row := names.get(said.port_id):
                return row
        return self._names.get(said.port_description) or self._aliases.get(said.port_description) or ""
