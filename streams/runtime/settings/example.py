"""Generates examples/panoptes.ini: every setting with its description and default, commented out."""

import textwrap
from collections.abc import Iterator
from inspect import cleandoc
from typing import Final

from streams.runtime.settings.expected import TEXT, expected
from streams.runtime.settings.loading import SECTIONS
from streams.runtime.settings.pages import default_of

WIDTH: Final = 118
HEAD: Final = """\
# Every setting of Panoptes Streams with its default: take the `#` off a line to change it. docs/configuration.md has
# the same as a table, and the environment variable that overrides each. `panoptes config check` names every fault.
"""
PLUGINS: Final = """
# Which plugins run, one section each: [discovery:NAME], [enrichment:NAME], [polling:NAME], [transform:NAME],
# [sink:NAME] (docs/sinks.md). NAME is yours. Where a kind has no section at all, built-in ones hold
# (docs/configuration.md). Each section may have
#   plugin      which plugin: the name of its entry point (docs/plugins.md)
#   interval_s  how often it runs (transforms have none)
#   filter      which resources it is for; empty: all
#   zone        of a discovery section: the [polling] zone whose workers run it
#   enabled     false switches the section off
# and the plugin's own options.

# Devices from a list (docs/discovery.md).
[discovery:devices]
plugin = from-file
interval_s = 60
#zone = dmz
path = examples/devices.yaml

# What a device is: sysDescr, sysObjectID, sysName, sysLocation, uptime.
[enrichment:device]
plugin = device-facts
interval_s = 10m
filter = resource_class = 'network'

# Its interfaces: name, alias, description, media type, speed, physical address.
[enrichment:interfaces]
plugin = interfaces
interval_s = 10m
filter = resource_class = 'network'

# Who is behind its ports, by LLDP and CDP: what links are made of (docs/topology.md), and what `crawl` follows.
[enrichment:neighbours]
plugin = neighbours
interval_s = 5m

# What is read from it, by the profile that fits it (docs/profiles.md).
[polling:interfaces]
plugin = snmp
interval_s = 60
filter = resource_class = 'network'
    AND resource_subclass IN ('switch', 'router')
    AND NOT resource_metadata.lab LIKE 'test%'
enabled = true
"""


def example() -> str:
    """Return examples/panoptes.ini."""
    return HEAD + "".join(line for name in SECTIONS for line in _section(name)) + PLUGINS


def _section(name: str) -> Iterator[str]:
    model = SECTIONS[name]
    yield f"\n{_comment(cleandoc(model.__doc__ or ''))}[{name}]\n"
    for key, field in model.model_fields.items():
        takes = expected(field)
        what = f"{field.description}." if takes == TEXT else f"{field.description}. Takes {takes}."
        yield f"\n{_comment(what[0].upper() + what[1:])}"
        yield f"#{key} = {default_of(field)}".rstrip() + "\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH - 2))
