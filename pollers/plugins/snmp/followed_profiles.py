"""The profile options of a section, and its profiles, kept up to date with their files."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pollers.plugins.base import OptionError, PluginContext
from pollers.profiles.loading.compose import Composer
from pollers.profiles.match import best_profile
from pollers.profiles.model import Profile
from pollers.profiles.place import Problem

DEFAULT_FALLBACK: Final = "if-mib"

log = logging.getLogger(__name__)


class FollowedProfiles:
    """The shared base of plugins that read devices by profiles."""

    def __init__(self, context: PluginContext, options: Sequence[str]) -> None:
        """Raises OptionError for options that are none of these, or cannot be used."""
        given = context.options
        self.context: Final = context
        self.fixed: Final = given.get("profile") or None  #: the profile of all devices
        self.fallback: Final = given.get("fallback", DEFAULT_FALLBACK)  #: that of devices that no other fits
        folders = profile_folders(given)
        problems = {name: f"expected one of {', '.join(options)}" for name in given if name not in options}
        if missing := [str(folder) for folder in folders if not folder.is_dir()]:
            problems["profiles"] = f"expected folders that exist, found {', '.join(missing)}"
        self.given_deadline_s: float | None = None
        try:
            self.given_deadline_s = seconds_option(context, "deadline_s")
        except OptionError as error:
            problems |= error.problems
        if problems:
            raise OptionError(problems)
        self.watch: Final = context.profiles.of(folders, report_problems)
        self._composer = Composer(self.watch.library)

    @property
    def broken_profiles(self) -> int:
        return self.watch.broken

    @property
    def profile_changes(self) -> int:
        return self.watch.changes

    async def now_ms(self) -> int:
        """Reload changed profile files when that is due, and return the present time."""
        now_ms = self.context.now_ms()
        if self.watch.due(now_ms):
            await asyncio.to_thread(self.watch.look)
        return now_ms

    def name_for(self, sys_object_id: str | None, sys_descr: str | None) -> str:
        """Return the name of the profile that fits a device's facts."""
        return (
            self.fixed or best_profile(self.watch.library.profiles.values(), sys_object_id, sys_descr) or self.fallback
        )

    def profile(self, name: str, standards: Sequence[str] = ()) -> Profile | None:
        """Return the profile of this name with these standard MIBs added; None where there is no such profile."""
        if self._composer.library is not self.watch.library:
            self._composer = Composer(self.watch.library)
        return self._composer.profile(name, standards)


def seconds_option(context: PluginContext, name: str) -> float | None:
    """Return a number of seconds from the options; None where it is not given. Raises OptionError."""
    text = context.options.get(name, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 86_400:
        raise OptionError({name: f"expected seconds above 0, found {text!r}"})
    return number


def profile_folders(options: Mapping[str, str]) -> list[Path]:
    """Return the folders of the option `profiles`, separated by colons or new lines."""
    return [Path(part.strip()) for part in options.get("profiles", "").replace("\n", ":").split(":") if part.strip()]


def report_problems(problems: Sequence[Problem]) -> None:
    """Log the problems of profiles whenever they change."""
    if not problems:
        log.info("profiles good again")
    for problem in problems[:20]:
        log.error("profile broken, the old one stays in force problem=%s", problem)
