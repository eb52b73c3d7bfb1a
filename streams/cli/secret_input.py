"""Reads secrets from a prompt or line by line from stdin, never from the command line."""

import sys
from typing import Final

import click

from pollers.snmp.credentials import AuthProtocol, Community, PrivProtocol, Secret, UsmUser, Version

#: how bytes that are not UTF-8 stand in a text, here and where credentials are read: a community may have any
OTHER_BYTES: Final = "surrogateescape"


def community(version: str | None) -> Community:
    """Read the community."""
    return Community(community=ask("community"), version=Version(version or Version.V2C))


def v3_user(name: str, auth: str, priv: str, context: str) -> UsmUser:
    """Read the keys of the user."""
    for what, text in (("--v3", name), ("--context", context)):
        if not is_utf8(text):
            raise click.UsageError(f"expected {what} in UTF-8")
    return UsmUser(
        name=name,
        auth_protocol=AuthProtocol(auth),
        auth_key=ask_passphrase("authentication key") if auth != "none" else Secret(""),
        priv_protocol=PrivProtocol(priv),
        priv_key=ask_passphrase("privacy key") if priv != "none" else Secret(""),
        context=context,
    )


def ask(what: str) -> Secret:
    """Read a secret as bytes."""
    if sys.stdin.isatty():
        return Secret(click.prompt(what, hide_input=True, confirmation_prompt=True))
    # not as text: what decodes stdin depends on the locale, and a community need not be text in any
    line = sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r")
    return Secret(line.decode(errors=OTHER_BYTES))


def ask_passphrase(what: str) -> Secret:
    """Read a passphrase, which must be text. Raises UsageError."""
    asked = ask(what)
    if not is_utf8(asked.reveal()):
        raise click.UsageError(f"expected the {what} in UTF-8")
    return asked


def is_utf8(text: str) -> bool:
    """Return whether a text of the command line or stdin is valid UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
