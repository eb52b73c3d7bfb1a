"""Which profile fits a device: the most specific sysObjectID, then sysDescr."""

from collections.abc import Iterable
from typing import NamedTuple

from pollers.profiles.model import Profile


class Fit(NamedTuple):
    """How well a profile fits; the greatest wins."""

    arcs: int  #: numbers of the sysObjectID that the profile names; 0 = matched by sysDescr alone
    exact: bool
    descr: bool  #: sysDescr matched too
    name: str
    pattern: str  #: what matched, for people


def fits(profiles: Iterable[Profile], sys_object_id: str | None, sys_descr: str | None) -> list[Fit]:
    """Return every profile that fits, best first.

    A profile with a sysDescr pattern fits only where that matches too. Between equals the name decides, so that
    the answer never depends on the order of files.
    """
    found = [fit for profile in profiles if (fit := _fit(profile, sys_object_id, sys_descr))]
    return sorted(found, key=lambda fit: (-fit.arcs, not fit.exact, not fit.descr, fit.name))


def best_profile(profiles: Iterable[Profile], sys_object_id: str | None, sys_descr: str | None) -> str | None:
    """Return the name of the profile that fits best, or None."""
    found = fits(profiles, sys_object_id, sys_descr)
    return found[0].name if found else None


def _fit(profile: Profile, sys_object_id: str | None, sys_descr: str | None) -> Fit | None:
    match = profile.match
    if match is None:
        return None
    descr = match.sys_descr is not None
    if match.sys_descr is not None and (sys_descr is None or match.sys_descr.search(sys_descr) is None):
        return None
    if not match.sys_object_ids:
        return Fit(
            0, False, descr, profile.name, f"sys_descr {match.sys_descr.regex.pattern}" if match.sys_descr else ""
        )
    if sys_object_id is None:
        return None
    oid = sys_object_id.removeprefix(".")
    best: Fit | None = None
    for pattern in match.sys_object_ids:
        stem = pattern.removesuffix(".*")
        exact = stem == pattern
        if oid == stem if exact else oid.startswith(f"{stem}."):
            fit = Fit(stem.count(".") + 1, exact, descr, profile.name, pattern)
            best = fit if best is None or fit[:2] > best[:2] else best
    return best
