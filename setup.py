"""Builds what works on every value as machine code, where PANOPTES_COMPILE asks for it (docs/compiling.md).

Everything else about the package stands in pyproject.toml.
"""

import hashlib
import os
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
#: tells streams/runtime/ops/compiled.py which sources were compiled
RECORD = "streams/runtime/ops/compiled.sha256"


def sources() -> list[str]:
    """Return the files of `[tool.panoptes.compiled]`."""
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["panoptes"]["compiled"]
    return [f"{folder}/{name}.py" for folder, names in folders.items() for name in names.split()]


class RecordedBuild(build_ext):
    """Writes down, beside what it compiled, the SHA-256 of each source."""

    def run(self) -> None:
        lines = [f"{hashlib.sha256((ROOT / path).read_bytes()).hexdigest()}  {path}\n" for path in sources()]
        super().run()
        if self.extensions:
            target = (ROOT if self.inplace else Path(self.build_lib)) / RECORD
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("".join(lines))


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

    found: list[Extension] = mypycify(
        sources(), opt_level=level, debug_level="0", multi_file=True, group_name="panoptes"
    )
    return found


setup(ext_modules=compiled(), cmdclass={"build_ext": RecordedBuild})
