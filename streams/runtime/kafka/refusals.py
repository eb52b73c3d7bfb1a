"""Explains a broker's refusal in terms of our settings."""

import ssl
from typing import Final

from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.runtime.kafka.tokens import TokenError

_USER: Final = (AuthenticationFailedError, SaslAuthenticationFailed)
_MECHANISM: Final = (UnsupportedSaslMechanismError, IllegalSaslStateError)


def why_refused(problem: object) -> str | None:
    """Return the setting that a client error blames; None for errors that only say that nobody answers."""
    if isinstance(problem, TokenError):
        return str(problem.args[0])
    if isinstance(problem, _USER):
        return "the broker refuses our user or its password: check [kafka] sasl_username and sasl_password"
    if isinstance(problem, _MECHANISM):
        return f"the broker does not take our SASL mechanism: check [kafka] sasl_mechanism ({problem})"
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted ({problem.verify_message}): check [kafka] ssl_ca_file"
    if isinstance(problem, ssl.SSLError):
        said = problem.reason or problem
        return f"the broker does not speak TLS as we do ({said}): check [kafka] security_protocol, ssl_certificate_file"
    return None
