"""`python -m scripts.wheels`: into dist/; `--pure` leaves the compiled ones out.

Compiled with zig's compiler (PyPI's `ziglang`), which has the symbols of every glibc: so they run on systems as old as
GLIBC says, wherever they are built. Each wheel is made from the sdist, which so is shown to be whole.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from scripts.wheels import elf

ROOT: Final = Path(__file__).parents[2]
PYTHONS: Final = ("3.11", "3.12", "3.13")
#: CentOS 7's and older than every supported distribution's
GLIBC: Final = (2, 17)
PLATFORM: Final = f"manylinux_{GLIBC[0]}_{GLIBC[1]}_x86_64"
ZIG: Final = "ziglang==0.17.1"


def main() -> int:
    """Build all of it; return 1 where a wheel could not be built or asks too much of a system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pure", action="store_true", help="no compiled wheels")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    chosen = parser.parse_args()
    out: Path = chosen.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = _sdist(Path(folder), out)
        _run([sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(out)], source)
        failed = [] if chosen.pure else list(_compiled(source, out))
    for path in sorted(out.glob("panoptes_streams-*")):
        print(f"{path.name}  {path.stat().st_size / 2**20:.1f} MiB")
    print("\n".join(failed))
    return 1 if failed else 0


def _sdist(folder: Path, out: Path) -> Path:
    """Make the sdist from the files that git knows and the console's fetched ones; return it unpacked."""
    clone = folder / "clone"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    fetched = (ROOT / "streams/console/pages/static/vendor").rglob("*")
    names = [*listed.stdout.split("\0"), *(str(path.relative_to(ROOT)) for path in fetched)]
    for name in names:
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    _run([sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", str(out)], clone)
    (path,) = out.glob("panoptes_streams-*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(folder / "sdist", filter="data")
    (source,) = (folder / "sdist").iterdir()
    return source


def _compiled(source: Path, out: Path) -> Iterator[str]:
    """Build a wheel for each Python; yield what is wrong with one."""
    environment = _zig()
    for version in PYTHONS:
        python = _python(version)
        if python is None:
            print(f"no environment of Python {version}, so no compiled wheel for it: scripts/pythons makes them")
            continue
        copy = source.with_name(f"{source.name}-{version}")
        shutil.copytree(source, copy)
        made = [str(python), "setup.py", "--quiet", "build_ext", "--parallel", "2"]
        _run([*made, "bdist_wheel", "--plat-name", PLATFORM, "--dist-dir", str(out)], copy, environment)
        (wheel,) = out.glob(f"*-cp{version.replace('.', '')}-*{PLATFORM}.whl")
        yield from (f"{wheel.name}: {line}" for line in elf.problems(elf.read(wheel), GLIBC))


def _python(version: str) -> Path | None:
    """Return the Python of that version that has the locked packages: mypyc reads their types."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    found = ROOT / ".state" / "venvs" / version / "bin" / "python"
    return found if found.exists() else None


def _zig() -> Mapping[str, str]:
    """Return what has setuptools use zig's compiler, which is fetched where it is not there."""
    folder = ROOT / ".state" / "zig"
    if not (folder / "ziglang").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--target", str(folder), ZIG], ROOT)
    target = f"x86_64-linux-gnu.{GLIBC[0]}.{GLIBC[1]}"
    compiler = f"{folder / 'ziglang' / 'zig'} cc -target {target} -fno-sanitize=undefined"
    return {"CC": compiler, "LDSHARED": f"{compiler} -shared -s", "PANOPTES_COMPILE": "3"}


def _run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=folder, env={**os.environ, **(environment or {})}, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-4000:]}")


if __name__ == "__main__":
    sys.exit(main())
