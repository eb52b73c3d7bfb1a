"""Builds what works on every value as machine code, where PANOPTES_COMPILE asks for it (docs/compiling.md).

Everything else about the package stands in pyproject.toml.
"""

import os
import tomllib
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).parent


def compiled() -> list[Extension]:
    """Return the extension modules of `[tool.panoptes] compiled`: none, unless the environment asks for them.

    PANOPTES_COMPILE is how much the C compiler optimizes, 0 to 3: 3 to run, 0 to build fast.
    """
    level = os.environ.get("PANOPTES_COMPILE", "")
    if not level:
        return []
    if level not in {"0", "1", "2", "3"}:
        raise SystemExit(f"PANOPTES_COMPILE={level}: expected how much to optimize, 0 to 3")
    from mypyc.build import mypycify  # noqa: PLC0415 - not needed to install what is not compiled

    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["panoptes"]["compiled"]
    files = [f"{folder}/{name}.py" for folder, names in folders.items() for name in names.split()]
    found: list[Extension] = mypycify(files, opt_level=level, debug_level="0", multi_file=True, group_name="panoptes")
    return found


setup(ext_modules=compiled())
