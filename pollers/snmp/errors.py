"""SNMP errors, one for each thing that the operator should check."""

from schemas.errors import DeviceError


class SnmpError(DeviceError):
    """The device did not give the requested data; the text says what to check."""


class NoAnswer(SnmpError):
    """No answer after every retry: device down, filtered, or (v1/v2c) community refused."""


class DeadlineExceeded(NoAnswer):
    """The poll's total time ran out."""


class Unreachable(NoAnswer):
    """The device was not asked: it has been silent, and only a probe is sent from time to time."""

    def __init__(self, message: str, since_ms: int) -> None:
        super().__init__(message)
        self.since_ms = since_ms


class RetriesSpent(NoAnswer):
    """One packet was not answered, and the worker's retry budget was used up. Tells little of the device."""


class AuthRefused(SnmpError):
    """The device itself refused the credentials (a v3 report or authorizationError)."""


class DamagedResponse(SnmpError):
    """The device's answer could not be decoded."""


class AgentError(SnmpError):
    """The agent answered with an error-status (genErr, resourceUnavailable, ...)."""


class NoCredentials(SnmpError):
    """No credentials are stored for the device."""
