"""SNMP credentials, and the Protocol of their source."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias, runtime_checkable

HIDDEN: Final = "<secret>"


class Secret:
    """A text that only `reveal()` shows: repr, str and format give `<secret>`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. Never put it into a log line, an exception, a topic or a page."""
        return self._text

    def octets(self) -> bytes:
        """Return the secret's bytes: UTF-8, or the original bytes where it was read from others (`surrogateescape`)."""
        return self._text.encode(errors="surrogateescape")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __deepcopy__(self, _memo: dict[int, object]) -> "Secret":
        return self  # pydantic copies defaults; and it does not change

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not pickled")


class Version(enum.StrEnum):
    """SNMP version of a community; USM users are always v3."""

    V1 = "1"
    V2C = "2c"


class AuthProtocol(enum.StrEnum):
    """The authentication protocol of a v3 user (RFC 3414 §6, RFC 7860)."""

    NONE = "none"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class PrivProtocol(enum.StrEnum):
    """The privacy protocol of a v3 user (RFC 3414 §8, RFC 3826; the longer AES keys are vendors' extensions)."""

    NONE = "none"
    DES = "des"
    TRIPLE_DES = "3des"
    AES128 = "aes128"
    AES192 = "aes192"  #: key extended as draft-blumenthal-aes-usm-04 has it
    AES256 = "aes256"
    AES192_REEDER = "aes192-reeder"  #: key extended as draft-reeder-snmpv3-usm-3desede has it, Cisco's way
    AES256_REEDER = "aes256-reeder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """A v1 or v2c community."""

    community: Secret
    version: Version = Version.V2C

    def __str__(self) -> str:
        return f"v{self.version} community"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsmUser:
    """A v3 user. The keys are passphrases of at least 8 characters (RFC 3414 §11.2)."""

    name: str
    auth_protocol: AuthProtocol = AuthProtocol.NONE
    auth_key: Secret = Secret("")  # noqa: RUF009 - immutable
    priv_protocol: PrivProtocol = PrivProtocol.NONE
    priv_key: Secret = Secret("")  # noqa: RUF009 - immutable
    context: str = ""

    def __str__(self) -> str:
        return f"v3 user {self.name} auth={self.auth_protocol} priv={self.priv_protocol}"


Credential: TypeAlias = Community | UsmUser


class CredentialSource(Protocol):
    """Returns the credentials to try for a device."""

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        """Return the credentials to try, in this order: the device's own, then its site's; where it has
        none of these, the default ones.

        Waits while the source has never answered; an empty sequence means that none is stored.
        """
        ...


@runtime_checkable
class Rereadable(Protocol):
    """A CredentialSource with a cache that can be read again when a device refuses its credentials."""

    async def reread(self, site: str) -> None:
        """Read the site's credentials again; the known ones stay while the store is away."""
        ...
