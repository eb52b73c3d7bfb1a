"""The one place that puts an `Access` together."""

from random import Random

from pollers.snmp.channel import Shared
from pollers.snmp.credentials import CredentialSource
from pollers.snmp.limits import Limits
from pollers.snmp.trace import Trace
from pollers.snmp.wire import Wire
from pollers.snmp.wire_access import SnmpAccess
from pollers.snmp.wire_clock import Clock, SystemClock
from pollers.snmp.wire_engines import WorkerEngines
from pollers.snmp.wire_session import Worker, probe_slots


def open_access(
    limits: Limits,
    credentials: CredentialSource,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    trace: Trace | None = None,
) -> SnmpAccess:
    """Return the SNMP access of a worker; to be called, used and closed in one event loop.

    `trace` gets one record per request, when its answer came or was given up.
    """
    clock, random = clock or SystemClock(), random or Random()  # noqa: S311 - for request ids and jitter, beside a check of the source
    shared = Shared(limits, clock.now_s)
    engines = WorkerEngines(limits, Wire(limits, random, clock.now_s), shared, random.getrandbits)
    worker = Worker(limits, credentials, engines, probe_slots(limits), clock.now_s, clock.now_ms)
    return SnmpAccess(worker, engines, trace)
