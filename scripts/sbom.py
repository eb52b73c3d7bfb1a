"""Write what is shipped as a CycloneDX 1.5 bill of materials, and its licences as a page.

`python scripts/sbom.py [FOLDER]`, in an environment that has the project: its own dependencies with all theirs, as they
are installed there, and the JavaScript that the console carries. Exit status 1 where a licence is unknown or not one of
those that may be shipped with Apache-2.0.
"""

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
PROJECT: Final = "panoptes-streams"
#: what names of licences contain that may be shipped; LGPL as a library that its user may replace
MAY: Final = re.compile(
    r"apache|\bMIT\b|BSD|ISC|PSF|python software|MPL|mozilla|zlib|unlicense|public domain|repoze|LGPL|lesser",
    re.IGNORECASE,
)
#: packages whose metadata say nothing; as the licence file says that they bring
KNOWN: Final = {"htmx-ext-sse": "0BSD", "pysnmp": "BSD-2-Clause"}
_LONGEST: Final = 80


class Part(NamedTuple):
    """One thing that is shipped."""

    name: str
    version: str
    licence: str
    url: str  #: package URL (purl)


def python_parts() -> Iterator[Part]:
    """Yield the project's dependencies, and theirs, once each, by name."""
    seen: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(PROJECT, frozenset())]
    found: dict[str, Part] = {}
    while waiting:
        name, extras = waiting.pop()
        installed = metadata.distribution(name)
        for text in installed.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
                key = f"{canonicalize_name(needed.name)}[{','.join(sorted(needed.extras))}]"
                if key not in seen:
                    seen.add(key)
                    waiting.append((needed.name, frozenset(needed.extras)))
        if canonicalize_name(name) != PROJECT:
            found[canonicalize_name(name)] = _part(canonicalize_name(name), installed)
    yield from (found[name] for name in sorted(found))


def _part(name: str, installed: metadata.Distribution) -> Part:
    said = {key: installed.metadata[key] for key in ("License", "License-Expression") if key in installed.metadata}
    classified = [
        line.rpartition(":: ")[2]
        for line in installed.metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    text = (said.get("License") or "").strip()
    short = text if "\n" not in text and len(text) <= _LONGEST else ""
    licence = said.get("License-Expression") or " and ".join(classified) or short or KNOWN.get(name, "")
    return Part(name, installed.version, licence, f"pkg:pypi/{name}@{installed.version}")


def script_parts() -> Iterator[Part]:
    """Yield the JavaScript that is copied into the package."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for path, said in sorted(packages.items()):
        if path and not said.get("dev"):
            name = path.rpartition("node_modules/")[2]
            yield Part(
                name, said["version"], said.get("license") or KNOWN.get(name, ""), f"pkg:npm/{name}@{said['version']}"
            )


def bill(parts: list[Part]) -> dict[str, object]:
    """Return the CycloneDX document."""
    version = metadata.version(PROJECT)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": PROJECT, "version": version, "bom-ref": f"{PROJECT}@{version}"}
        },
        "components": [
            {
                "type": "library",
                "name": part.name,
                "version": part.version,
                "purl": part.url,
                "bom-ref": part.url,
                "licenses": [{"license": {"name": part.licence}}],
            }
            for part in parts
        ],
    }


def page(parts: list[Part]) -> str:
    """Return the licences as a table."""
    rows = "".join(f"| {part.name} | {part.version} | {part.licence} |\n" for part in parts)
    return f"# What is shipped with {PROJECT}\n\n| package | version | licence |\n|---|---|---|\n{rows}"


def main(folder: Path) -> int:
    parts = [*python_parts(), *script_parts()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(parts), indent=2) + "\n")
    (folder / "licences.md").write_text(page(parts))
    strange = [part for part in parts if not MAY.search(part.licence)]
    for part in strange:
        print(f"{part.name} {part.version}: expected a licence that may be shipped, found {part.licence or 'none'!r}")
    print(f"{len(parts)} packages: {folder / 'sbom.cdx.json'}, {folder / 'licences.md'}")
    return 1 if strange else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"))
