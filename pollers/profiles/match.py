"""Selects the profile that fits a device: by the most specific sysObjectID, then by sysDescr."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple

from pollers.profiles.model import Profile
from pollers.snmp.values import Oid

#: the system that a vendor sells; Net-SNMP on it tells no vendor
LINUX: Final = "linux"
_ENTERPRISES: Final = "1.3.6.1.4.1."


class Fit(NamedTuple):
    """How well a profile fits; the greatest is taken."""

    arcs: int  #: numbers of the sysObjectID that the profile names; 0 = matched by sysDescr alone
    exact: bool
    descr: bool  #: sysDescr matched too
    name: str
    pattern: str  #: what matched, for people
    yields: bool = False  #: comes after all that do not


def fits(profiles: Iterable[Profile], sys_object_id: str | None, sys_descr: str | None) -> list[Fit]:
    """Return every profile that fits, best first.

    A profile with a sysDescr pattern fits only where that matches too. Between equals the name decides, so that
    the answer never depends on the order of files.
    """
    found = [fit for profile in profiles if (fit := _fit(profile, sys_object_id, sys_descr))]
    return sorted(found, key=lambda fit: (fit.yields, -fit.arcs, not fit.exact, not fit.descr, fit.name))


class Coverage(NamedTuple):
    """How much of a profile's columns a recording has."""

    name: str
    own: int  #: OIDs of vendors' MIBs that the profile reads and the recording has values of
    found: int  #: OIDs of the profile that the recording has values of
    read: int  #: OIDs of the profile


def covering(profiles: Iterable[Profile], oids: Iterable[Oid]) -> list[Coverage]:
    """Return the profiles that read something of a recording, by the share of vendor MIBs read, then by all.

    One that is made for a vendor's MIBs and finds nothing of them is none, whatever standard MIBs it inherits.
    """
    there = sorted(f"{oid}." for oid in oids)  # with the dot, what begins with 1.3.1. is next to it, and 1.3.10. is not

    def has(oid: Oid) -> bool:
        place = bisect_left(there, f"{oid}.")
        return place < len(there) and there[place].startswith(f"{oid}.")

    known: dict[Oid, bool] = {}
    found: list[Coverage] = []
    for profile in profiles:
        columns = [column for table in profile.tables.values() for column in table.columns.values()]
        read = {source.oid for column in columns for source in column.sources}
        known |= {oid: has(oid) for oid in read if oid not in known}
        own = {oid for oid in read if oid.startswith(_ENTERPRISES)}
        there_own = sum(known[oid] for oid in own)
        if there_own or not own:
            found.append(Coverage(profile.name, there_own, sum(known[oid] for oid in read), len(read)))
    return sorted((one for one in found if one.found), key=lambda one: (-one.own, -one.found, one.read, one.name))


def best_profile(profiles: Iterable[Profile], sys_object_id: str | None, sys_descr: str | None) -> str | None:
    """Return the name of the profile that fits best, or None."""
    found = fits(profiles, sys_object_id, sys_descr)
    return found[0].name if found else None


def is_vendors(profile: Profile) -> bool:
    """Return whether a profile is for one vendor's devices, not for any device with a standard MIB."""
    return "vendor" in profile.static_tags or profile.name == LINUX


def _fit(profile: Profile, sys_object_id: str | None, sys_descr: str | None) -> Fit | None:
    match = profile.match
    if match is None:
        return None
    descr = match.sys_descr is not None
    if match.sys_descr is not None and (sys_descr is None or match.sys_descr.search(sys_descr) is None):
        return None
    if not match.sys_object_ids:
        return Fit(
            0,
            False,
            descr,
            profile.name,
            f"sys_descr {match.sys_descr.regex.pattern}" if match.sys_descr else "",
            profile.yields,
        )
    if sys_object_id is None:
        return None
    oid = sys_object_id.removeprefix(".")
    best: Fit | None = None
    for pattern in match.sys_object_ids:
        stem = pattern.removesuffix(".*")
        exact = stem == pattern
        if oid == stem if exact else oid.startswith(f"{stem}."):
            fit = Fit(stem.count(".") + 1, exact, descr, profile.name, pattern, profile.yields)
            best = fit if best is None or fit[:2] > best[:2] else best
    return best
