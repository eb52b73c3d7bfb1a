"""Detects a blocked event loop from another thread, and logs the stack that blocks it."""

import sys
import sysconfig
from collections.abc import Iterator
from types import FrameType
from typing import Final

_STANDARD: Final = sysconfig.get_path("stdlib")
_INSTALLED: Final = sysconfig.get_path("purelib")
#: what is on the stack of every call of a plugin
_OURS: Final = ("streams", "pollers", "schemas")
_MACHINERY: Final = ("faust", "mode", "aiokafka", "kazoo")


def blocking(thread_id: int) -> str:
    """Return the call that a thread is in, as `module.function (file:line)`; the plugin's own call where there is one.

    The first frame that is neither the interpreter's nor ours is where a plugin was entered.
    """
    frames = list(_from_outside(sys._current_frames().get(thread_id)))  # noqa: SLF001 - there is no other way
    ours = ""
    for frame in frames:
        module = frame.f_globals.get("__name__", "?")
        package = module.partition(".")[0]
        if package in _OURS:
            ours = _named(module, frame)
        elif ours and package not in _MACHINERY and not _is_standard(frame):
            return _named(module, frame)
    return ours or (_named(frames[-1].f_globals.get("__name__", "?"), frames[-1]) if frames else "nothing of ours")


def _from_outside(innermost: FrameType | None) -> Iterator[FrameType]:
    stack: list[FrameType] = []
    while innermost is not None:
        stack.append(innermost)
        innermost = innermost.f_back
    yield from reversed(stack)


def _is_standard(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith("<") or (file.startswith(_STANDARD) and not file.startswith(_INSTALLED))


def _named(module: str, frame: FrameType) -> str:
    return f"{module}.{frame.f_code.co_name} ({frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno})"
