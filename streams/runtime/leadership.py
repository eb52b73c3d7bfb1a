"""Leadership in ZooKeeper: of all workers of a stage one leads, and knows at once when it may no longer.

Every campaign is a session of its own: when a session is suspended the leader steps down at once, and its session is
ended as soon as its client has found back. Its lock node is gone then. Where the client does not find back within a few
seconds, the node goes when ZooKeeper ends the session, and the next election waits for that.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry

log = logging.getLogger(__name__)

_CONNECT_S: Final = 5.0
_RETRY_S: Final = 0.5
_LOOK_S: Final = 0.1
#: how long a suspended client may take once another one is connected
_FIND_BACK_S: Final = 3.0
#: kazoo's own pause between two tries doubles, without a bound: ZooKeeper would be back long before it is noticed
_RECONNECT: Final = {"max_tries": -1, "delay": 0.5, "backoff": 1, "max_jitter": 0.2}
_SEQUENCE_DIGITS: Final = 10  # ZooKeeper's sequential node names end in ten digits


class Term(NamedTuple):
    """A time of leadership; `over` is set, from any thread, the moment it ends."""

    sequence: int  #: election sequence: grows with every election while ZooKeeper keeps its data
    over: threading.Event


class Leadership:
    """Campaigns for the leadership of one stage in a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        hosts: str,
        path: str,
        identity: str,
        *,
        session_timeout_s: float,
        on_elected: Callable[[Term], None],
        on_deposed: Callable[[Term], None],
    ) -> None:
        """Call `on_elected` and `on_deposed` in the event loop that called `start`."""
        self._hosts = hosts
        self._path = path
        self._identity = identity
        self._session_timeout_s = session_timeout_s
        self._on_elected = on_elected
        self._on_deposed = on_deposed
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._give_up: Callable[[], None] = lambda: None  #: ends a wait for the lock
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the term and the session, so that the next worker is elected at once."""
        self._stopping.set()
        self._wake.set()
        self._give_up()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)

    def _run(self) -> None:
        last: KazooClient | None = None  #: its session was suspended and could not be ended yet
        while not self._stopping.is_set():
            self._wake.clear()
            client = KazooClient(hosts=self._hosts, timeout=self._session_timeout_s, connection_retry=_RECONNECT)
            try:
                client.start(timeout=_CONNECT_S)
                _end(last)
                last = None
                self._campaign(client)
            except (KazooException, KazooTimeoutError, OSError) as problem:
                if not self._stopping.is_set():
                    log.warning(
                        "waiting for zookeeper hosts=%s problem=%s", self._hosts, problem or type(problem).__name__
                    )
            finally:
                if client.state == KazooState.SUSPENDED:
                    last = client
                else:
                    _close(client)
            self._stopping.wait(0 if self._wake.is_set() else _RETRY_S)
        _close(last)

    def _campaign(self, client: KazooClient) -> None:
        """Run for leader once, in one session; return when the session or the term is over."""
        lost = threading.Event()
        lock = client.Lock(self._path, self._identity)
        lock._retry = KazooRetry(**_RECONNECT, sleep_func=client.handler.sleep_func)  # noqa: SLF001 - its own doubles, too
        self._give_up = lock.cancel

        def on_state(state: str) -> None:
            if state != KazooState.CONNECTED:
                lost.set()
                self._wake.set()
                lock.cancel()

        client.add_listener(on_state)
        lock.acquire()
        if lost.is_set() or self._stopping.is_set():
            return
        term = Term(sequence=int(lock.node[-_SEQUENCE_DIGITS:]), over=lost)
        log.info("elected path=%s sequence=%d", self._path, term.sequence)
        self._tell(self._on_elected, term)
        self._wake.wait()
        lost.set()
        self._tell(self._on_deposed, term)
        log.info("term over path=%s sequence=%d", self._path, term.sequence)

    def _tell(self, listener: Callable[[Term], None], term: Term) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener, term)


def _end(suspended: KazooClient | None) -> None:
    """End a session as soon as its client has found back, if it does: a server that lost its data takes it no more."""
    deadline = time.monotonic() + _FIND_BACK_S
    while suspended is not None and suspended.state == KazooState.SUSPENDED and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    _close(suspended)


def _close(client: KazooClient | None) -> None:
    if client is None:
        return
    try:
        client.stop()
        client.close()
    except KazooException as problem:
        log.info("closing a zookeeper session problem=%r", problem)
