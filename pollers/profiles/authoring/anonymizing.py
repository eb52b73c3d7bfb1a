"""Anonymizes a recording: replaces addresses, names, serial numbers and communities (pure)."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pollers.profiles.authoring.recorded_lines import Entry
from pollers.snmp.values import Oid, Type, Value

#: objects whose texts are somebody's own, and what stands for them
OWN_TEXTS: Final[dict[Oid, str]] = {
    "1.3.6.1.2.1.1.4": "contact",  # sysContact
    "1.3.6.1.2.1.1.5": "name",  # sysName
    "1.3.6.1.2.1.1.6": "place",  # sysLocation
    "1.3.6.1.2.1.25.4.2.1.5": "parameters",  # hrSWRunParameters
    "1.3.6.1.2.1.31.1.1.1.18": "alias",  # ifAlias
    "1.3.6.1.2.1.47.1.1.1.1.11": "serial",  # entPhysicalSerialNum
    "1.3.6.1.2.1.47.1.1.1.1.14": "alias",  # entPhysicalAlias
    "1.3.6.1.2.1.47.1.1.1.1.15": "asset",  # entPhysicalAssetID
    "1.3.6.1.2.1.47.1.2.1.1.4": "community",  # entLogicalCommunity
    "1.3.6.1.6.3.12.1.2.1": "target",  # snmpTargetAddrTable
    "1.3.6.1.6.3.15.1.2.2.1": "user",  # usmUserTable
    "1.3.6.1.6.3.18.1.1.1": "community",  # snmpCommunityTable
    "1.0.8802.1.1.2.1.3.3": "name",  # lldpLocSysName
    "1.0.8802.1.1.2.1.4.1.1.8": "port",  # lldpRemPortDesc
    "1.0.8802.1.1.2.1.4.1.1.9": "name",  # lldpRemSysName
    "1.3.6.1.4.1.9.9.23.1.2.1.1.6": "name",  # cdpCacheDeviceId
}
#: tables that are left out whole: their indexes hold the names of users and communities, octet by octet
_LEFT_OUT: Final = ("1.3.6.1.6.3.15.1.2.2.", "1.3.6.1.6.3.16.", "1.3.6.1.6.3.18.")
#: shorter texts are not looked for in others: `1` or `sw` are in many
_SHORTEST: Final = 4
_IPV4: Final = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_WRITTEN_MAC: Final = re.compile(rb"(?<![0-9A-Fa-f:.-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
_KEPT_NETS: Final = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))


class Anonymizer:
    """Replaces equal values by equal stand-ins, in values, inside texts and in indexes."""

    def __init__(self) -> None:
        self._stands: dict[tuple[str, bytes], bytes] = {}
        self._texts: dict[bytes, bytes] = {}
        self._inside: dict[bytes, bytes] = {}  #: texts in small letters, as they are looked for inside of others
        self._numbers: Counter[str] = Counter()

    def recording(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the anonymized recording, without the tables of users, communities and access."""
        kept = [entry for entry in entries if not entry[0].startswith(_LEFT_OUT)]
        for oid, value in kept:
            self._learn(oid, value)
        self._inside = {text.lower(): stand for text, stand in self._texts.items()}
        pattern = self._pattern()
        indexes = dict(self._indexes())
        return [(_replaced(oid, indexes), self._value(oid, value, pattern)) for oid, value in kept]

    def _learn(self, oid: Oid, value: Value) -> None:
        data = value.data
        if value.type is Type.IP_ADDRESS and isinstance(data, bytes) and len(data) == 4:
            self._address(data)
        elif isinstance(data, bytes) and _is_binary(data) and len(data) == 6:
            self._mac(data)
        elif isinstance(data, bytes) and (kind := _own(oid)) is not None and data.strip():
            self._text(kind, data)

    def _next(self, kind: str) -> int:
        """Return the number of a new value among those of its kind."""
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _address(self, data: bytes) -> bytes:
        if any(ipaddress.IPv4Address(data) in net for net in _KEPT_NETS):
            return data
        if ("ip", data) not in self._stands:
            number = self._next("ip")
            self._stands["ip", data] = bytes((198, 18 + (number >> 16 & 1), number >> 8 & 255, number & 255))
        return self._stands["ip", data]

    def _mac(self, data: bytes) -> bytes:
        if data in {bytes(6), b"\xff" * 6}:
            return data
        if ("mac", data) not in self._stands:
            self._stands["mac", data] = b"\x02\x00\x00" + self._next("mac").to_bytes(3)
        return self._stands["mac", data]

    def _text(self, kind: str, data: bytes) -> bytes:
        if data not in self._texts:
            self._texts[data] = f"{kind}-{self._next(kind)}".encode()
        return self._texts[data]

    def _pattern(self) -> re.Pattern[bytes] | None:
        """Return what finds the learnt texts inside of others, the longest first."""
        texts = sorted((text for text in self._texts if len(text) >= _SHORTEST), key=len, reverse=True)
        return re.compile(b"|".join(map(re.escape, texts)), re.IGNORECASE) if texts else None

    def _indexes(self) -> Iterator[tuple[str, str]]:
        for (_kind, data), stand in self._stands.items():
            yield f".{_dotted(data)}", f".{_dotted(stand)}"

    def _value(self, oid: Oid, value: Value, pattern: re.Pattern[bytes] | None) -> Value:
        data = value.data
        if not isinstance(data, bytes):
            return value
        if value.type is Type.IP_ADDRESS:
            return value._replace(data=self._address(data)) if len(data) == 4 else value
        if data in self._texts and _own(oid) is not None:
            return value._replace(data=self._texts[data])
        if _is_binary(data):
            return value._replace(data=self._mac(data)) if len(data) == 6 else value
        if pattern is not None:
            data = pattern.sub(lambda match: self._inside[match[0].lower()], data)
        data = _IPV4.sub(self._written_address, data)
        return value._replace(data=_WRITTEN_MAC.sub(self._written_mac, data))

    def _written_address(self, match: re.Match[bytes]) -> bytes:
        octets = [int(part) for part in match[0].split(b".")]
        return _dotted(self._address(bytes(octets))).encode() if max(octets) < 256 else match[0]

    def _written_mac(self, match: re.Match[bytes]) -> bytes:
        return self._mac(bytes.fromhex(re.sub(rb"[:-]", b"", match[0]).decode())).hex(":").encode()


def anonymized(entries: Iterable[Entry]) -> list[Entry]:
    """Return the recording with consistent stand-ins for addresses, names, serial numbers and the like."""
    return Anonymizer().recording(list(entries))


def _own(oid: Oid) -> str | None:
    return next((kind for stem, kind in OWN_TEXTS.items() if oid.startswith(f"{stem}.")), None)


def _is_binary(data: bytes) -> bool:
    return any(octet < 32 or octet > 126 for octet in data)


def _dotted(data: bytes) -> str:
    return ".".join(map(str, data))


def _replaced(oid: Oid, stands: dict[str, str]) -> Oid:
    """Return the OID with the addresses in its index replaced; four or six arcs that are one by chance are too."""
    arcs = oid.split(".")
    for width in (6, 4):
        for start in range(9, len(arcs) - width + 1):
            stand = stands.get("." + ".".join(arcs[start : start + width]))
            if stand is not None:
                arcs[start : start + width] = stand[1:].split(".")
    return ".".join(arcs)
