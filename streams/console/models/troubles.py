"""Decides which states of a row are bad: administratively up, but not working."""

from collections.abc import Mapping
from typing import Final

_DOWN: Final = frozenset({"down", "lowerLayerDown", "notPresent"})


def trouble_of(group: str, states: Mapping[str, str]) -> str:
    """Return the bad state of a row as a word, empty where it is well."""
    if group == "interface":
        found = states.get("oper_state", "")
        return found if found in _DOWN and states.get("admin_state", "up") == "up" else ""
    if group == "bgp_peer":
        found = states.get("peer_state", "established")
        return found if found != "established" and states.get("peer_status", "start") == "start" else ""
    return ""
