"""Leader election in ZooKeeper: one worker of a stage leads, and learns at once when it no longer may.

Each worker queues with an ephemeral node; the one in front leads. The names are those of kazoo's `Lock`, so its
`contenders` lists the queue. The recipe is our own because `Lock` waits for the session that it was begun in: here a
suspended session is given up at once, and the next one removes the node that it left behind. So an election after an
outage waits for the end of no session but those of workers that did not come back.
"""

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, NamedTuple, Protocol, TypeVar

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState

from streams.runtime.schedule.zookeeper import session
from streams.runtime.settings.sections import ZookeeperSettings

log = logging.getLogger(__name__)

A_co = TypeVar("A_co", covariant=True)

#: a server that is starting may take a connection and never answer on it: another one is tried soon
_CONNECT_S: Final = 3.0
_ANSWER_S: Final = 5.0
_CLOSE_S: Final = 1.0
_RETRY_S: Final = 0.5
#: kazoo's own pause between two tries doubles, without a bound: ZooKeeper would be back long before it is noticed
_RECONNECT: Final = {"max_tries": -1, "delay": 0.5, "backoff": 1, "max_jitter": 0.2}
_SEQUENCE_DIGITS: Final = 10  # ZooKeeper's sequential node names end in ten digits


class Term(NamedTuple):
    """A leader's term; `over` is set, from any thread, the moment it ends."""

    sequence: int  #: election sequence: grows with every election while ZooKeeper keeps its data
    over: threading.Event


def node_in_front(nodes: Collection[str], own: str) -> str | None:
    """The node before `own` in the queue; None when it is the first.

    Raises NoNodeError when `own` is not among them: somebody removed it, and it never would be the first.
    """
    if own not in nodes:
        raise NoNodeError(own)
    return max((node for node in _queue(nodes) if _sequence(node) < _sequence(own)), key=_sequence, default=None)


def node_of_leader(nodes: Collection[str]) -> str | None:
    """Return the first node of the queue, None where it is empty."""
    return min(_queue(nodes), key=_sequence, default=None)


def _queue(nodes: Collection[str]) -> list[str]:
    return [node for node in nodes if node[-_SEQUENCE_DIGITS:].isdigit()]  # what else is there waits for nothing


def _sequence(node: str) -> int:
    return int(node[-_SEQUENCE_DIGITS:])


class Leadership:
    """Campaigns for the leadership of one stage in a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        zookeeper: ZookeeperSettings,
        path: str,
        identity: str,
        *,
        on_elected: Callable[[Term], None],
        on_deposed: Callable[[Term], None],
    ) -> None:
        """Call `on_elected` and `on_deposed` in the event loop that called `start`."""
        self._zookeeper = zookeeper
        self._path = path
        self._identity = identity
        self._on_elected = on_elected
        self._on_deposed = on_deposed
        self._name = f"{uuid.uuid4().hex}__lock__"  #: what the names of this worker's nodes begin with
        self._stopping = threading.Event()
        self._wake = threading.Event()  #: something happened that the session at hand must look at
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the term and the session, so that the next worker is elected at once."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            client = session(self._zookeeper, connection_retry=_RECONNECT)
            try:
                self._session(client)
            except Exception as problem:  # noqa: BLE001 - the edge of the thread: without it this worker never leads again
                if not self._stopping.is_set():
                    log.warning("waiting for zookeeper hosts=%s problem=%r", self._zookeeper.hosts, problem)
            finally:
                _end(client)
            self._stopping.wait(_RETRY_S)

    def _session(self, client: KazooClient) -> None:
        """Run for leader once; return when the session or the term is over."""
        lost = threading.Event()
        wake = self._wake = threading.Event()  # its own: the end of a former session comes late, and is not this one's

        def on_state(state: str) -> None:
            if state != KazooState.CONNECTED:
                lost.set()
                wake.set()

        if not client.start_async().wait(_CONNECT_S):
            raise KazooTimeoutError(f"no session within {_CONNECT_S:g} s")
        client.add_listener(on_state)
        node = self._queue_up(client)
        if self._wait_in_line(client, node, lost, wake):
            self._lead(Term(_sequence(node), lost), wake)

    def _queue_up(self, client: KazooClient) -> str:
        """Make this worker's node, and remove those that its former sessions left behind; return its name."""
        _ask(client.ensure_path_async(self._path))
        for left in _ask(client.get_children_async(self._path)):
            if left.startswith(self._name):
                self._remove(client, left)
        made = client.create_async(f"{self._path}/{self._name}", self._identity.encode(), ephemeral=True, sequence=True)
        return str(_ask(made)).removeprefix(f"{self._path}/")

    def _remove(self, client: KazooClient, left: str) -> None:
        with suppress(NoNodeError):  # its session ended just now
            _ask(client.delete_async(f"{self._path}/{left}"))

    def _wait_in_line(self, client: KazooClient, node: str, lost: threading.Event, wake: threading.Event) -> bool:
        """Return whether this node has become the first; the leader watches its own node, in case somebody removes
        it.
        """
        while True:
            wake.clear()
            if lost.is_set() or self._stopping.is_set():
                return False
            in_front = node_in_front(_ask(client.get_children_async(self._path)), node)
            if in_front is not None and in_front.startswith(self._name):  # was not to be seen yet when this queued up
                self._remove(client, in_front)
                continue
            watched = client.exists_async(f"{self._path}/{in_front or node}", watch=lambda _event: wake.set())
            if _ask(watched) is None:
                continue
            if in_front is None:
                return True
            wake.wait()

    def _lead(self, term: Term, wake: threading.Event) -> None:
        log.info("elected path=%s sequence=%d", self._path, term.sequence)
        self._tell(self._on_elected, term)
        wake.wait()
        term.over.set()
        self._tell(self._on_deposed, term)
        log.info("term over path=%s sequence=%d", self._path, term.sequence)

    def _tell(self, listener: Callable[[Term], None], term: Term) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener, term)


class _Question(Protocol[A_co]):
    """A request to ZooKeeper that is under way."""

    def get(self, *, timeout: float) -> A_co: ...


def _ask(question: _Question[A_co]) -> A_co:
    """The answer to a kazoo request. One made while suspended would wait for as long as the outage lasts."""
    return question.get(timeout=_ANSWER_S)


def _end(client: KazooClient) -> None:
    """End a session, and go on without it where the server takes its time: it may never answer."""
    closing = threading.Thread(target=_close, args=(client,), name="zookeeper-close", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)


def _close(client: KazooClient) -> None:
    try:
        client.stop()
        client.close()
    except KazooException as problem:
        log.info("closing a zookeeper session problem=%r", problem)
