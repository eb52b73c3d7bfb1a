"""Where a lab keeps what: its namespaces, its folder, its nodes' files. Names only."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from tests.lab.spec import COLLECTOR, SpecProblem

_NAME: Final = re.compile(r"[a-z][a-z0-9]{0,11}")


class Place(NamedTuple):
    """One lab by name: several may run side by side."""

    name: str

    @classmethod
    def named(cls, name: str) -> "Place":
        """Return the place of that name. Raises SpecProblem."""
        # Without a dash, so that no lab's namespaces begin like another's; short, for Unix sockets have 107 characters.
        if not _NAME.fullmatch(name):
            raise SpecProblem(f"{name!r} is no name for a lab: at most 12 of a-z and 0-9")
        return cls(name)

    @property
    def prefix(self) -> str:
        return f"panoptes-{self.name}-"

    def namespace(self, node: str) -> str:
        return self.prefix + node

    @property
    def folder(self) -> Path:
        return Path(f"/run/panoptes-{self.name}")

    @property
    def lock(self) -> Path:
        return Path(f"/run/panoptes-{self.name}.lock")

    @property
    def kept(self) -> Path:
        """Where the folder of a lab that did not come up is kept."""
        return Path(f"/run/panoptes-{self.name}.failed")

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    def of(self, node: str) -> Path:
        return self.folder / node

    def log(self, node: str, daemon: str) -> Path:
        return self.of(node) / "log" / f"{daemon}.log"

    def pid(self, node: str, daemon: str) -> Path:
        return self.of(node) / f"{daemon}.pid"

    def agentx(self, node: str) -> Path:
        return self.of(node) / "agentx"

    def frr(self, node: str) -> Path:
        return self.of(node) / "frr"

    @staticmethod
    def towards(node: str) -> str:
        """Return the collector's end of the node's management link."""
        return f"m-{node}"

    @property
    def collector(self) -> str:
        return self.namespace(COLLECTOR)
