"""The recordings of real devices, which are not part of this repository, and the profile each is polled by."""

import os
from pathlib import Path
from typing import Final

import pytest

#: recording -> profile
RECORDINGS: Final = {
    "cisco-ios-3560G-48TS-S": "cisco-ios",
    "cisco-ios-4900M": "cisco-ios",
    "cisco-ios-4948E": "cisco-ios",
    "cisco-nxos-3048": "cisco-nxos",
    "generic-device": "juniper-srx",
    "generic-missing-cpu": "juniper-qfx",
    "interfaces-arista": "arista-eos",
    "interfaces-cisco": "cisco-ios",
    "interfaces-generic": "if-mib",
    "interfaces-juniper-qfx": "juniper-qfx",
    "interfaces-polling": "cisco-ios",
    "juniper-bgp": "juniper-mx",
    "juniper-ex": "juniper-ex",
    "juniper-mx2020": "juniper-mx",
    "juniper-qfx": "juniper-qfx",
}


def recordings_folder() -> Path | None:
    """Return where the recordings are: $PANOPTES_SHARED/devices, else ../shared/devices beside the repository."""
    given = os.environ.get("PANOPTES_SHARED")
    root = Path(given) if given else Path(__file__).parents[4] / "shared"
    folder = root / "devices"
    return folder if folder.is_dir() else None


def recording(name: str) -> Path:
    """Return a recording's folder; without it the test is skipped, and fails where CI is set."""
    folder = recordings_folder()
    if folder is None or not (folder / name / "walk.snmprec").is_file():
        reason = f"no recording {name}: set PANOPTES_SHARED to the folder that holds devices/"
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder / name
