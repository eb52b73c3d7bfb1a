"""The effects of a record as values: a step decides, the loop carries them out."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from schemas.errors import RecordError
from streams.runtime.kernel.records import Record

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Send(NamedTuple):
    """Records with one key, for the partition of the record that caused them: all keyed topics are partitioned alike.

    `anywhere`: for the key's own partition, which may be another worker's; others may write the same key there.
    """

    topic: str
    key: bytes
    values: Sequence[bytes | None]  #: in this order; None is a tombstone
    anywhere: bool = False


class Write(NamedTuple):
    """A new value for a key of the stage's table."""

    key: bytes
    value: bytes | None  #: None deletes the key


class Aside(NamedTuple):
    """Something other than the record itself that could not be used, for the dead letters."""

    topic: str  #: where it stands
    key: bytes
    value: bytes
    why: Exception


class Effects(NamedTuple):
    """The effects of one record: the loop stores the sends, then the writes, then calls `then`."""

    sends: Sequence[Send] = ()
    writes: Sequence[Write] = ()
    then: Callable[[], None] | None = None
    asides: Sequence[Aside] = ()

    @property
    def size(self) -> int:
        """Return about how much memory the effects take."""
        sent = sum(len(send.key) + sum(len(value or b"") for value in send.values) for send in self.sends)
        return sent + sum(len(write.key) + len(write.value or b"") for write in self.writes)


NOTHING = Effects()

#: Decides what a record leads to, at once and without effects of its own; it sees the writes of the records before it.
#: Raises RecordError for a record to set aside, UnknownSchema where a schema has to be fetched first.
Step = Callable[[Record], Effects]


class Decoder(Protocol[T_co]):
    def decode(self, value: bytes) -> T_co:
        """Decode the record. Raises RecordError, UnknownSchema."""
        ...


def decoding(serde: Decoder[T], step: "Callable[[str, T | None], Effects]") -> Step:
    """Wrap a step so that it gets the key as text and the decoded record; None is a tombstone.

    A record without a key, or with one that is no text, is set aside.
    """

    def decoded(record: Record) -> Effects:
        if record.key is None:
            raise RecordError("the record has no key: expected the resource's identity")
        try:
            key = record.key.decode()
        except UnicodeDecodeError as problem:
            raise RecordError(f"the key is no UTF-8 text: {problem}") from problem
        return step(key, None if record.value is None else serde.decode(record.value))

    return decoded


def all_writes(effects: Iterable[Effects]) -> Sequence[Write]:
    """Return the last write of each key, in order."""
    last: dict[bytes, Write] = {}
    for each in effects:
        for write in each.writes:
            last.pop(write.key, None)
            last[write.key] = write
    return tuple(last.values())
