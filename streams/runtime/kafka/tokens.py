"""OAuth tokens for the brokers (SASL OAUTHBEARER), from a token endpoint by client credentials (RFC 6749 §4.4)."""

import math
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpx
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from streams.runtime.settings.sections import KafkaSettings
from streams.runtime.settings.tls import TlsFiles, client_context

#: of a token's life; the rest is for an endpoint that is away for a while
_RENEWED_AFTER: Final = 0.8
#: how long a token is taken to last whose endpoint does not say it
_LIFE_S: Final = 60.0
_CLIENT_ERRORS: Final = range(400, 500)
_TOO_MANY: Final = 429


class TokenError(KafkaError):
    """There is no token: in our settings' words why. The clients wait and ask again, as for a broker that is away."""


class ClientCredentials(AbstractTokenProvider):
    """Gives a token as long as it is young, and asks for the next one; an older one serves while it is valid.

    It may be asked from several event loops: the worst is that two of them ask for a token.
    """

    def __init__(self, kafka: KafkaSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises OSError for certificates that cannot be read."""
        self._url = kafka.oauth_token_url
        self._timeout_s = kafka.request_timeout_s
        self._trust = client_context(TlsFiles(kafka.oauth_ca_file))
        # user and password are form-encoded before they are put together (RFC 6749 §2.3.1)
        self._login = httpx.BasicAuth(quote(kafka.sasl_username), quote(kafka.sasl_password.reveal(), safe=""))
        self._form = {"grant_type": "client_credentials"} | ({"scope": kafka.oauth_scope} if kafka.oauth_scope else {})
        self._clock = clock
        self._token = ""
        self._renew_s = self._ends_s = -math.inf

    async def token(self) -> str:
        """Return a token that is valid now. Raises TokenError."""
        now_s = self._clock()
        if now_s >= self._renew_s:
            try:
                self._token, life_s = await self._ask()
            except TokenError:
                if now_s >= self._ends_s:
                    raise
            else:
                self._renew_s, self._ends_s = now_s + life_s * _RENEWED_AFTER, now_s + life_s
        return self._token

    async def _ask(self) -> tuple[str, float]:
        try:
            async with httpx.AsyncClient(verify=self._trust, timeout=self._timeout_s, trust_env=False) as client:
                answer = await client.post(self._url, data=self._form, auth=self._login)
        except (httpx.HTTPError, OSError) as problem:
            said = str(problem) or type(problem).__name__
            raise self._none(f"does not answer ({said})", "oauth_token_url and oauth_ca_file") from None
        if answer.status_code in _CLIENT_ERRORS and answer.status_code != _TOO_MANY:
            refused = f"refuses our client (HTTP {answer.status_code})"
            raise self._none(refused, "sasl_username, sasl_password and oauth_scope")
        if answer.status_code != httpx.codes.OK:
            raise self._none(f"answers HTTP {answer.status_code}", "oauth_token_url")
        try:
            given = answer.json()
            token, life_s = given["access_token"], float(given.get("expires_in", _LIFE_S))
        except (ValueError, KeyError, TypeError, AttributeError):
            token = ""
        if not isinstance(token, str) or not token:
            raise self._none("answers without a token", "oauth_token_url")
        return token, life_s

    def _none(self, why: str, settings: str) -> TokenError:
        return TokenError(f"the token endpoint {self._url} {why}: check [kafka] {settings}")
