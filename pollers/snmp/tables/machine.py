"""The interface of state machines that say what to ask next and take in the answers (pure)."""

from typing import Protocol

from pollers.snmp.codec.message import STATUS_NAMES, ErrorStatus, Request, Response
from pollers.snmp.errors import AgentError, AuthRefused, SnmpError


class Machine(Protocol):
    """Reads objects of a device; driven by an engine, which owns sockets, timing, retries and limits."""

    @property
    def finished(self) -> bool: ...

    def next(self) -> Request | None:
        """Return the next request; None while it waits for answers, or when it is finished."""
        ...

    def answered(self, request: Request, answer: Response, offset_ms: int) -> int:
        """Take a response, and return its number of values. Raises SnmpError when nothing can come of the rest.

        DamagedResponse leaves the machine as it was, so that the same request can be sent again.
        """
        ...

    def smaller(self, request: Request) -> Request | None:
        """Return a smaller request to send in place of an unanswered one, if there is one."""
        ...


def refusal(status: int, what: str) -> SnmpError:
    """Return the error for an error-status; its text says what to check."""
    name = STATUS_NAMES.get(status, f"error-status {status}")
    if status == ErrorStatus.AUTHORIZATION_ERROR:
        return AuthRefused(f"authorizationError at {what}: check that this community or user may read it (view, ACL)")
    if status in {ErrorStatus.NO_ACCESS, ErrorStatus.NO_SUCH_NAME}:
        return AgentError(f"{name} at {what}: check the view of this community or user")
    if status == ErrorStatus.TOO_BIG:
        return AgentError(f"tooBig for the smallest request, {what}: the agent's longest message is too short")
    if status == ErrorStatus.RESOURCE_UNAVAILABLE:
        return AgentError(f"{name} at {what}: the agent is short of memory or busy; poll it less often")
    return AgentError(f"{name} at {what}: the agent failed to read it; see the device's log, try a smaller view")
