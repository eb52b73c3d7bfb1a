"""The Redis ACLs of each stage, as lines of a Redis ACL file. Nothing here asks Redis."""

from typing import Final

from streams.runtime.rights.kafka import user_name
from streams.runtime.secrets.forms import PREFIX
from streams.runtime.secrets.named import DISCOVERY, SINK
from streams.runtime.settings.loading import Settings

_SNMP: Final = (f"{PREFIX}snmp:*", f"{PREFIX}snmp_community_string:*")
#: what a client says of itself when it connects, and the two reads
_READS: Final = "+get +hgetall +hello +auth +ping +select"
_PATTERNS: Final = {
    "discovery": (*_SNMP, f"{DISCOVERY}*"),
    "enrichment": _SNMP,
    "polling": _SNMP,
    "sinks": (f"{SINK}*",),
}
#: `panoptes secrets`, and `panoptes doctor`, which compares clocks
_OPERATES: Final = "+@read +@write +@transaction +@connection +@scripting +time -@dangerous"


def acl_lines(settings: Settings) -> list[str]:
    """Return a line for each user that needs Redis; `<password>` stands for its password."""
    lines = [_line(settings, stage, _keys("%R", patterns), f"-@all {_READS}") for stage, patterns in _PATTERNS.items()]
    return [*lines, _line(settings, "operator", _keys("", (f"{PREFIX}*",)), f"-@all {_OPERATES}")]


def _line(settings: Settings, stage: str, keys: str, commands: str) -> str:
    return f"user {user_name(settings, stage)} on ><password> resetkeys {keys} resetchannels {commands}"


def _keys(mode: str, patterns: tuple[str, ...]) -> str:
    return " ".join(f"{mode}~{pattern}" for pattern in patterns)
