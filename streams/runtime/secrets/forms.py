"""The format of credentials in Redis: keys and JSON values. Nothing here does I/O.

    panoptes:secrets:snmp_community_string:<site>    a string: the community
    panoptes:secrets:snmp:<site>                     a hash: field `*` for the site, else a device's resource_id;
                                                     each value a JSON list of credentials, tried in order

with `default` in the place of the site for sites that have none of their own.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from pollers.snmp.credentials import AuthProtocol, Community, Credential, PrivProtocol, Secret, UsmUser, Version

PREFIX: Final = "panoptes:secrets:"
DEFAULT_SITE: Final = "default"
WHOLE_SITE: Final = "*"
#: RFC 3414 §11.2: "user-based passwords [...] at least 8 characters"
MIN_PASSPHRASE: Final = 8
_COMMUNITY_FIELDS: Final = frozenset({"community", "version"})
_USER_FIELDS: Final = frozenset({"user", "auth_protocol", "auth_key", "priv_protocol", "priv_key", "context"})

#: how bytes that are not UTF-8 stand in a text: a community may have any (RFC 1157 §3.2.5: an OCTET STRING)
OTHER_BYTES: Final = "surrogateescape"

E = TypeVar("E", bound=StrEnum)


class FormError(ValueError):
    """The stored value is not a credential; the text says what was expected, never what was found."""


def community_key(site: str) -> str:
    """Return the key of a site's community."""
    return f"{PREFIX}snmp_community_string:{site}"


def credentials_key(site: str) -> str:
    """Return the key of the hash of a site's credentials."""
    return f"{PREFIX}snmp:{site}"


def read_credentials(text: str) -> Sequence[Credential]:
    """Parse the credentials in a hash's value: a JSON list of objects, or one object. Raises FormError."""
    try:
        plain = json.loads(text)
    except ValueError:
        raise FormError("expected JSON: a list of credentials") from None
    entries = plain if isinstance(plain, list) else [plain]
    return [_credential(entry, position) for position, entry in enumerate(entries, start=1)]


def write_credentials(credentials: Sequence[Credential]) -> str:
    """Format credentials as the JSON of a hash's value, with their secrets."""
    return json.dumps([_plain(credential) for credential in credentials])


def check(credential: Credential) -> None:
    """Raise FormError for an unusable credential."""
    match credential:
        case Community(community=community):
            if not community:
                raise FormError("expected a community that is not empty")
            if not _has_bytes(community.reveal(), OTHER_BYTES):
                raise FormError("expected a community of bytes or UTF-8")
        case UsmUser():
            _check_user(credential)


def _credential(entry: object, position: int) -> Credential:
    if not isinstance(entry, dict):
        raise FormError(f"credential {position}: expected an object with community or user")
    try:
        made = _user(entry) if "user" in entry else _community(entry)
        check(made)
    except FormError as problem:
        raise FormError(f"credential {position}: {problem}") from None
    return made


def _community(entry: Mapping[str, object]) -> Community:
    _only(entry, _COMMUNITY_FIELDS)
    return Community(community=Secret(_text(entry, "community")), version=_one_of(entry, "version", Version.V2C))


def _user(entry: Mapping[str, object]) -> UsmUser:
    _only(entry, _USER_FIELDS)
    return UsmUser(
        name=_text(entry, "user"),
        auth_protocol=_one_of(entry, "auth_protocol", AuthProtocol.NONE),
        auth_key=Secret(_text(entry, "auth_key")),
        priv_protocol=_one_of(entry, "priv_protocol", PrivProtocol.NONE),
        priv_key=Secret(_text(entry, "priv_key")),
        context=_text(entry, "context"),
    )


def _check_user(user: UsmUser) -> None:
    if not user.name:
        raise FormError("expected a user that is not empty")
    for what, text in (
        ("user", user.name),
        ("auth_key", user.auth_key.reveal()),
        ("priv_key", user.priv_key.reveal()),
        ("context", user.context),
    ):
        if not _has_bytes(text, "strict"):  # RFC 3411 §5, SnmpAdminString
            raise FormError(f"expected {what} in UTF-8")
    if user.priv_protocol is not PrivProtocol.NONE and user.auth_protocol is AuthProtocol.NONE:
        raise FormError("expected auth_protocol with priv_protocol: SNMPv3 has no privacy without authentication")
    for what, protocol, key in (
        ("auth", user.auth_protocol, user.auth_key),
        ("priv", user.priv_protocol, user.priv_key),
    ):
        if protocol.value == "none" and key:
            raise FormError(f"expected {what}_protocol with {what}_key")
        if protocol.value != "none" and len(key.reveal()) < MIN_PASSPHRASE:
            raise FormError(f"expected {what}_key of at least {MIN_PASSPHRASE} characters (RFC 3414 §11.2)")


def _has_bytes(text: str, errors: str) -> bool:
    try:
        text.encode(errors=errors)
    except UnicodeEncodeError:
        return False
    return True


def _only(entry: Mapping[str, object], known: frozenset[str]) -> None:
    if not set(entry) <= known:
        raise FormError(f"expected no fields but {', '.join(sorted(known))}")


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str):
        raise FormError(f"expected {name} to be a string")
    return value


def _one_of(entry: Mapping[str, object], name: str, default: E) -> E:
    try:
        return type(default)(_text({name: default, **entry}, name))
    except ValueError:
        raise FormError(f"expected {name} to be one of {', '.join(type(default))}") from None


def _plain(credential: Credential) -> dict[str, str]:
    match credential:
        case Community(community=community, version=version):
            return {"community": community.reveal(), "version": version.value}
        case UsmUser():
            user = {
                "user": credential.name,
                "auth_protocol": _plain_protocol(credential.auth_protocol),
                "auth_key": credential.auth_key.reveal(),
                "priv_protocol": _plain_protocol(credential.priv_protocol),
                "priv_key": credential.priv_key.reveal(),
                "context": credential.context,
            }
            return {name: value for name, value in user.items() if value}


def _plain_protocol(protocol: AuthProtocol | PrivProtocol) -> str:
    return "" if protocol.value == "none" else protocol.value
