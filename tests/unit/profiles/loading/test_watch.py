"""Profiles follow their files: good ones within a look, broken ones never."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pollers.profiles.loading.watch import LOOK_EVERY_MS, ProfileWatch
from pollers.profiles.place import Problem

GOOD = "profile: mine\ntables: {t: {columns: {v: {oid: 1.3.6.1.4.1.99999.1.1}}}}\nemit: {g: t}\n"


class Folder:
    """A folder of profiles whose files change at moments that the test chooses, and what is said about them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[Sequence[Problem]] = []
        self._at_ns = 10**18

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.write_text(text)
        self._at_ns += 10**9
        os.utime(file, ns=(self._at_ns, self._at_ns))

    def watch(self) -> ProfileWatch:
        return ProfileWatch([self.path], self.told.append)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_profile_that_is_added_counts_at_the_next_look(folder: Folder):
    watch = folder.watch()
    assert "mine" not in watch.library.profiles
    folder.write("mine.yaml", GOOD)
    watch.look()
    assert "mine" in watch.library.profiles
    assert folder.told == []


def test_a_profile_that_is_changed_replaces_the_old_one_and_no_other(folder: Folder):
    folder.write("mine.yaml", GOOD)
    watch = folder.watch()
    before = dict(watch.library.profiles)
    folder.write("mine.yaml", GOOD.replace("g: t", "h: t"))
    watch.look()
    after = watch.library.profiles
    assert list(after["mine"].groups) == ["h"]
    assert all(after[name] is profile for name, profile in before.items() if name != "mine")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(GOOD.replace("oid", "old"), id="does-not-check"),
        pytest.param("profile: mine\ntables: [", id="does-not-parse"),
        pytest.param("\x00", id="no-text"),
        pytest.param("", id="empty"),
    ],
)
def test_a_broken_file_leaves_the_old_profile_in_force_and_says_so(folder: Folder, broken: str):
    folder.write("mine.yaml", GOOD)
    watch = folder.watch()
    before = watch.library.profiles["mine"]
    folder.write("mine.yaml", broken)
    watch.look()
    assert watch.library.profiles["mine"] is before
    assert len(folder.told) == 1
    assert any("mine.yaml" in problem.at.file for problem in folder.told[0])
    watch.look()
    assert len(folder.told) == 1
    folder.write("mine.yaml", GOOD)
    watch.look()
    assert folder.told[1:] == [()]


def test_a_file_that_goes_takes_its_profile_along(folder: Folder):
    folder.write("mine.yaml", GOOD)
    watch = folder.watch()
    (folder.path / "mine.yaml").unlink()
    watch.look()
    assert "mine" not in watch.library.profiles


def test_a_folder_overrides_a_built_in_profile_by_name(folder: Folder):
    folder.write("own.yaml", GOOD.replace("mine", "juniper-ex"))
    assert list(folder.watch().library.profiles["juniper-ex"].groups) == ["g"]


def test_a_look_is_due_well_within_a_minute(folder: Folder):
    watch = folder.watch()
    assert watch.due(1_000_000)
    assert not watch.due(1_000_000 + LOOK_EVERY_MS - 1)
    assert watch.due(1_000_000 + LOOK_EVERY_MS)
    assert LOOK_EVERY_MS <= 30_000


def test_a_folder_that_vanishes_takes_nothing_along_and_is_told(folder: Folder):
    folder.write("mine.yaml", GOOD)
    watch = folder.watch()
    folder.path.rename(folder.path.with_name("elsewhere"))
    watch.look()
    assert "mine" in watch.library.profiles
    assert "a folder that is there" in str(folder.told[0][0])
