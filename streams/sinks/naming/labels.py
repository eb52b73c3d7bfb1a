"""The labels of series: site, device, row, and those that a setting adds."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from pollers.plugins.batch import Row
from streams.scheduling.row_filters import parts
from streams.sinks.naming.names import label_name

#: a label of an info series gives way to these
KEYS: Final = ("site", "device", "row")


class Labels:
    """The labels of rows, by a sink's settings."""

    def __init__(self, copied: Sequence[str] = (), added: Mapping[str, str] | None = None) -> None:
        """Take the dimensions, labels and facts of identity to copy onto every series, and labels of our own making."""
        self._copied = tuple(copied)
        self._added = dict(added or {})

    def of_row(self, row: Row) -> list[tuple[str, str]]:
        """Return the labels of the row's series, sorted and without empty ones."""
        keys = {"site": row.site, "device": _device(row.resource), "row": row.row}
        if not self._copied:
            return _sorted({**self._added, **keys})
        known = {**_identity(row), **row.labels, **row.dimensions}
        copied = {label_name(name): known[name] for name in self._copied if name in known}
        return _sorted({**self._added, **copied, **keys})

    def of_row_info(self, row: Row) -> list[tuple[str, str]]:
        """Return the labels of the row's info series."""
        return _merged(self.of_row(row), row.dimensions)

    def of_device_info(self, row: Row) -> list[tuple[str, str]]:
        """Return the labels of the device's info series."""
        keys = (*self._added.items(), ("site", row.site), ("device", _device(row.resource)))
        return _merged(_sorted(dict(keys)), {**_identity(row), **row.labels})


@lru_cache(maxsize=65_536)
def _device(identity: str) -> str:
    return parts(identity)[4]


def _identity(row: Row) -> dict[str, str]:
    _, class_, subclass, type_, _ = parts(row.resource)
    return {"endpoint": row.endpoint, "class": class_, "subclass": subclass, "type": type_}


def _merged(keys: Iterable[tuple[str, str]], others: Mapping[str, str]) -> list[tuple[str, str]]:
    return _sorted({**{label_name(name): value for name, value in others.items()}, **dict(keys)})


def _sorted(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted([pair for pair in labels.items() if pair[1]])
