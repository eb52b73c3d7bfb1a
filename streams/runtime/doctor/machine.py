"""Checks this machine: whether its clock is synchronised, and which version is installed."""

import ctypes
import platform
import sys
from importlib import metadata
from typing import Final

from streams.runtime.doctor.findings import Finding, ok, warning
from streams.runtime.ops.compiled import running

#: what adjtimex(2) returns for a clock that nothing keeps in step
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 256  #: more than any Linux's struct timex


def look() -> list[Finding]:
    """Return findings about the installed version and the kernel's clock."""
    version = metadata.version("panoptes-streams")
    python = ".".join(map(str, sys.version_info[:3]))
    return [
        ok("version", f"panoptes-streams {version}, Python {python} on {platform.machine()}; {running()}"),
        *_kernel_clock(),
    ]


def _kernel_clock() -> list[Finding]:
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(
            ctypes.create_string_buffer(_TIMEX_BYTES)
        )  # modes 0: only read
    except (AttributeError, OSError):
        return []
    if state == _TIME_ERROR:
        return [
            warning(
                "clock",
                "the kernel says that nothing keeps this machine's clock in step",
                "run chrony, or another NTP client",
            )
        ]
    return [ok("clock", "the kernel says that this machine's clock is kept in step")] if state >= 0 else []
