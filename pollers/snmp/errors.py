"""What can go wrong with a device, by what the operator should check."""

from schemas.errors import DeviceError


class SnmpError(DeviceError):
    """The device did not give what was asked for; its text says what to check."""


class NoAnswer(SnmpError):
    """Silence after every retry: device down, filtered, or (v1/v2c) community refused."""


class DeadlineExceeded(NoAnswer):
    """The poll's total time was up."""


class Unreachable(NoAnswer):
    """Not asked: the device has been silent and only a probe goes out from time to time."""

    def __init__(self, message: str, since_ms: int) -> None:
        super().__init__(message)
        self.since_ms = since_ms


class RetriesSpent(NoAnswer):
    """One packet without an answer, and no more: the worker's retries were used up. Tells little of the device."""


class AuthRefused(SnmpError):
    """The device itself refused the credentials (a v3 report or authorizationError)."""


class DamagedResponse(SnmpError):
    """An answer came, but not one that can be read."""


class AgentError(SnmpError):
    """The agent answered with an error-status (genErr, resourceUnavailable, ...)."""


class NoCredentials(SnmpError):
    """Nothing is stored that the device could be asked with."""
