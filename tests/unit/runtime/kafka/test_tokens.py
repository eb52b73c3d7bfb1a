"""Tokens are renewed before they end, serve while their endpoint is away, and what is wrong with it is told."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

import pytest

from pollers.snmp.credentials import Secret
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.refusals import why_refused
from streams.runtime.kafka.tokens import ClientCredentials, TokenError
from streams.runtime.settings.loading import KafkaSettings
from tests.http_server import http_server


class Server(NamedTuple):
    url: str
    answers: list[tuple[int, bytes]]  #: the next ones; the last stays
    asked: list[tuple[str, bytes]]  #: who asked, and with what form


@pytest.fixture
def server() -> Iterator[Server]:
    answers: list[tuple[int, bytes]] = []
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.headers["Authorization"], self.rfile.read(int(self.headers["Content-Length"]))))
            status, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http_server(Handler) as url:
        yield Server(f"{url}/token", answers, asked)


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def given(token: str, **others: object) -> tuple[int, bytes]:
    return 200, json.dumps({"access_token": token, **others}).encode()


def settings(url: str, **others: object) -> KafkaSettings:
    return KafkaSettings(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        sasl_username="me",
        sasl_password=Secret("s3:cret"),
        oauth_token_url=url,
        **others,
    )


async def test_a_token_is_asked_for_again_when_four_fifths_of_its_life_are_over(server):
    server.answers.extend([given("one", expires_in=100), given("two", expires_in=100)])
    clock = Clock()
    provider = ClientCredentials(settings(server.url, oauth_scope="kafka.all"), clock)
    assert [await provider.token(), await provider.token()] == ["one", "one"]
    clock.now_s += 79.9
    assert await provider.token() == "one"
    clock.now_s += 0.1
    assert await provider.token() == "two"
    assert server.asked == [("Basic bWU6czMlM0FjcmV0", b"grant_type=client_credentials&scope=kafka.all")] * 2


async def test_a_token_serves_until_it_ends_while_the_endpoint_is_ill(server):
    server.answers.extend([given("one", expires_in=100), (503, b"")])
    clock = Clock()
    provider = ClientCredentials(settings(server.url), clock)
    assert await provider.token() == "one"
    clock.now_s += 99.9
    assert await provider.token() == "one"
    clock.now_s += 0.1
    with pytest.raises(TokenError, match="answers HTTP 503"):
        await provider.token()
    server.answers[:] = [given("three")]
    assert await provider.token() == "three"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param((401, b""), "refuses our client (HTTP 401): check [kafka] sasl_username, sasl_password", id="401"),
        pytest.param((400, b"{}"), "refuses our client (HTTP 400)", id="400"),
        pytest.param((429, b""), "answers HTTP 429: check [kafka] oauth_token_url", id="too-many"),
        pytest.param((302, b""), "answers HTTP 302", id="elsewhere"),
        pytest.param((200, b"<html>"), "answers without a token", id="a-page"),
        pytest.param((200, b"[]"), "answers without a token", id="a-list"),
        pytest.param((200, b'{"access_token": ""}'), "answers without a token", id="empty"),
        pytest.param((200, b'{"access_token": 7}'), "answers without a token", id="a-number"),
        pytest.param(given("t", expires_in="soon"), "answers without a token", id="no-life"),
    ],
)
async def test_what_is_wrong_is_told_with_the_setting_and_without_the_secret(answer, said, server):
    server.answers.append(answer)
    with pytest.raises(TokenError) as raised:
        await ClientCredentials(settings(server.url)).token()
    told = why_refused(raised.value)
    assert told is not None
    assert f"the token endpoint {server.url} {said}" in told
    assert "s3" not in told


async def test_an_endpoint_that_is_down_is_named():
    with pytest.raises(TokenError, match=r"http://127\.0\.0\.1:1/token does not answer .*oauth_token_url"):
        await ClientCredentials(settings("http://127.0.0.1:1/token")).token()


def test_clients_are_given_tokens_in_the_place_of_a_password():
    options = client_options(settings("http://127.0.0.1:1/token"))
    assert isinstance(options["sasl_oauth_token_provider"], ClientCredentials)
    assert "sasl_plain_password" not in options
