"""A stage's state: bytes by partition and key, with a changelog from which a new owner restores it.

The loop writes: first the changelog, then here, so that a table is never ahead of its changelog. What a step wants
written is seen by the steps after it at once, and forgotten if it cannot be stored.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from schemas.errors import FatalError
from streams.runtime.kernel.effects import Write

#: the newest format of values; each begins with a byte that names its format, those of before there were formats do not
FORMAT: Final = 1
#: a first byte from here on names a format: no value without one begins so (Avro: 0x00, zlib: 0x78, series: 0x01)
_MARK: Final = 0xF0


class Table:
    """The partitions of one table that this worker has."""

    def __init__(self, name: str, *, write_format: int = FORMAT) -> None:
        self.name: Final = name
        self._front: Final = bytes([_MARK + write_format]) if write_format else b""
        self._stored: dict[int, dict[bytes, bytes]] = {}
        self._ahead: dict[int, dict[bytes, bytes | None]] = {}

    def get(self, partition: int, key: bytes) -> bytes | None:
        """Return the value of a key, including writes that are not stored yet."""
        ahead = self._ahead.get(partition)
        if ahead and key in ahead:
            return ahead[key]
        stored = self._stored.get(partition)
        return None if stored is None else stored.get(key)

    def holds(self, partition: int, key: bytes) -> bool:
        """Return whether a value of the key is stored."""
        return key in self._stored.get(partition, ())

    def keys(self, partition: int) -> Sequence[bytes]:
        """Return the keys that are stored of a partition."""
        return tuple(self._stored.get(partition, ()))

    def partitions(self) -> Collection[int]:
        """Return the partitions with stored values."""
        return tuple(self._stored)

    def __len__(self) -> int:
        return sum(map(len, self._stored.values()))

    def want(self, partition: int, writes: Iterable[Write]) -> None:
        """Make writes visible to later steps before they are stored."""
        ahead = self._ahead.setdefault(partition, {})
        for key, value in writes:
            ahead[key] = value

    def framed(self, writes: Iterable[Write]) -> Iterator[tuple[bytes, Sequence[bytes | None]]]:
        """Yield the writes as changelog records."""
        for key, value in writes:
            yield key, (None if value is None else self._front + value,)

    def store(self, partition: int, writes: Iterable[Write]) -> None:
        """Store writes that are in the changelog."""
        stored = self._stored.setdefault(partition, {})
        ahead = self._ahead.get(partition, {})
        for key, value in writes:
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = value
            if key in ahead and ahead[key] is value:  # nobody wants anything newer
                del ahead[key]

    def abandon(self, partition: int) -> None:
        """Forget writes that are not stored: their records are stepped again."""
        self._ahead.pop(partition, None)

    def drop(self, partition: int) -> None:
        """Forget a partition that has left; its changelog remains."""
        self._ahead.pop(partition, None)
        self._stored.pop(partition, None)

    def recover(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Apply a record of the changelog.

        Raises FatalError for a value of a newer version than this one knows: it must not be read on, nor overwritten.
        """
        if value is not None and value and value[0] >= _MARK:
            if value[0] > _MARK + FORMAT:
                raise FatalError(
                    f"table {self.name} holds a value of format {value[0] - _MARK}, and this version knows up to"
                    f" {FORMAT}: a newer version wrote it, run that one"
                )
            value = value[1:]
        self.store(partition, (Write(key, value),))
