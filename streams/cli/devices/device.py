"""Options and sessions for `walk`, `poll` and `profile`: with a live device, or from a recording."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, ParamSpec, TextIO, TypedDict, TypeVar

import click
from redis.exceptions import RedisError

from pollers.plugins.snmp.enricher import SYSTEM
from pollers.profiles.authoring.big_recording import opened
from pollers.profiles.authoring.recording import RecordedSession, RecordingError
from pollers.profiles.loading.library import Library, read_library
from pollers.profiles.match import covering
from pollers.snmp.client import Device, Session
from pollers.snmp.credentials import (
    AuthProtocol,
    Community,
    Credential,
    CredentialSource,
    PrivProtocol,
    Secret,
    UsmUser,
    Version,
)
from pollers.snmp.errors import SnmpError
from pollers.snmp.trace import Trace
from pollers.snmp.wire.access import open_access
from schemas.errors import PanoptesError
from streams.cli.loading import load_or_exit
from streams.runtime.secrets.forms import FormError, check
from streams.runtime.secrets.store import open_credentials
from streams.runtime.snmp import limits_of

T = TypeVar("T")
P = ParamSpec("P")

#: environment variable with a community
COMMUNITY_VARIABLE: Final = "SNMP_COMMUNITY"
#: a whole poll or walk of a live device takes at most this long
DEADLINE_S: Final = 300.0
#: odd lines of a recording that are named
ODD_LINES: Final = 10
#: profiles that are named where none can be chosen
BEST_PROFILES: Final = 5

profiles_option = click.option(
    "--profiles",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with more profiles; later ones override by name. May be given several times.",
)
walk_option = click.option(
    "--walk",
    "recording",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Answer from a recording (.snmprec, or the output of snmpwalk -On) instead of a device.",
)

_CREDENTIAL_OPTIONS: Final = (
    click.option(
        "--community-file",
        type=click.File("r"),
        help=f"A file with the community, - for stdin [default: ${COMMUNITY_VARIABLE}, else a prompt].",
    ),
    click.option("--v1", is_flag=True, help="The community is for SNMPv1."),
    click.option("--v3", "user", metavar="USER", help="An SNMPv3 user; its keys are asked for."),
    click.option("--auth", type=click.Choice([one.value for one in AuthProtocol]), default="none"),
    click.option("--priv", type=click.Choice([one.value for one in PrivProtocol]), default="none"),
    click.option("--context", default="", help="The user's SNMP context."),
    click.option("--site", help="Take the credentials stored for this site (in Redis) instead."),
    click.option("--deadline", "deadline_s", type=float, default=DEADLINE_S, help="Seconds that it may take."),
)


@dataclass(frozen=True, slots=True)
class Login:
    """The options of a command for a live device: credentials, site and deadline."""

    community_file: TextIO | None
    v1: bool
    user: str | None
    auth: str
    priv: str
    context: str
    site: str | None
    deadline_s: float


class LoginOptions(TypedDict):
    """The command-line options behind `Login`."""

    community_file: TextIO | None
    v1: bool
    user: str | None
    auth: str
    priv: str
    context: str
    site: str | None
    deadline_s: float


def login_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that select credentials; none of them takes a secret on the command line."""
    for option in reversed(_CREDENTIAL_OPTIONS):
        command = option(command)
    return command


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with a message for people."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def recorded_session(path: Path) -> RecordedSession:
    """Return a session that answers from a file; ends the command where the file cannot be read."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        session, values, odd = opened(raw, str(path))
    except (OSError, RecordingError) as error:
        fail(str(error))
    if not values:
        fail(f"{path}: no values in it")
    for each in odd[:ODD_LINES]:
        click.echo(f"{path}:{each.line}: left out: {each.why}", err=True)
    if len(odd) > ODD_LINES:
        click.echo(f"{path}: {len(odd)} lines left out, {values} values read", err=True)
    return session


def load_library(folders: tuple[Path, ...], *, warn: bool = True) -> Library:
    """Load the profiles; problems are printed to stderr."""
    library = read_library(folders)
    if warn:
        for problem in library.problems:
            click.echo(f"warning: {problem}", err=True)
    return library


def tell_unidentified(session: RecordedSession, library: Library) -> None:
    """Warn when a recording lacks the objects that select a profile, and name the profiles that read most of it."""
    if session.has(SYSTEM["sys_object_id"]):
        return
    best = covering(library.profiles.values(), [oid for oid, _value in session.entries])[:BEST_PROFILES]
    named = ", ".join(f"{one.name} ({one.found} of its {one.read} OIDs)" for one in best)
    message = f"no sysObjectID ({SYSTEM['sys_object_id']}) in the recording: choose a profile with --profile"
    click.echo(f"{message}; these find most in it: {named}" if named else message, err=True)


@dataclass(frozen=True, slots=True)
class GivenCredentials:
    """The credentials of one command, as a CredentialSource."""

    credential: Credential

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:  # noqa: ARG002
        return (self.credential,)


def _refuse_contradictions(login: Login) -> None:
    """End the command where an option would be ignored without a word."""
    if login.user is None and (login.auth != "none" or login.priv != "none" or login.context):
        fail("--auth, --priv and --context belong to an SNMPv3 user: name it with --v3 USER")
    if login.site is not None and login.user is not None:
        fail("--site takes the credentials stored for it, --v3 gives one: expected one of the two")


def credential_of(login: Login) -> Credential:
    """Return the credential from options, environment or a prompt; ends the command where there is none."""
    try:
        credential = _community(login) if login.user is None else _user(login, login.user)
        check(credential)
    except FormError as problem:
        fail(str(problem))
    return credential


def _user(login: Login, name: str) -> UsmUser:
    return UsmUser(
        name=name,
        auth_protocol=AuthProtocol(login.auth),
        auth_key=_ask("authentication key") if login.auth != "none" else Secret(""),
        priv_protocol=PrivProtocol(login.priv),
        priv_key=_ask("privacy key") if login.priv != "none" else Secret(""),
        context=login.context,
    )


def _community(login: Login) -> Community:
    if login.community_file is not None:
        community = Secret(login.community_file.readline().rstrip("\r\n"))
    elif COMMUNITY_VARIABLE in os.environ:
        community = Secret(os.environ[COMMUNITY_VARIABLE])
    else:
        community = _ask("community")
    return Community(community=community, version=Version.V1 if login.v1 else Version.V2C)


def _ask(what: str) -> Secret:
    if sys.stdin.isatty():
        return Secret(click.prompt(what, hide_input=True))
    return Secret(sys.stdin.readline().rstrip("\r\n"))


def with_device(target: str, login: Login, work: Callable[[Session], Awaitable[T]], trace: Trace | None = None) -> T:
    """Run the work with a session of a live device; ends the command with a message where the device fails.

    `trace` gets one record per request.
    """
    settings = load_or_exit(None)
    _refuse_contradictions(login)

    async def run() -> T:
        stored = open_credentials(settings) if login.site is not None else None
        source: CredentialSource = stored or GivenCredentials(credential_of(login))
        access = open_access(limits_of(settings.snmp), source, trace=trace)
        try:
            async with access.open(Device(login.site or "cli", target, target), login.deadline_s) as session:
                return await work(session)
        finally:
            await access.close()
            if stored is not None:
                await stored.close()

    return guarded(target, run())


def guarded(target: str, work: Coroutine[object, object, T]) -> T:
    """Run the work to its end; errors of devices and credentials become messages."""
    try:
        return asyncio.run(work)
    except SnmpError as error:
        fail(f"{target}: {error}", 1)
    except (PanoptesError, RedisError, OSError, ValueError) as error:
        fail(f"{target}: {error}", 1)
    except KeyboardInterrupt:
        fail("interrupted", 130)
