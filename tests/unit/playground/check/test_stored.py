"""Every rate that was compared is asked of the store, and what is missing, different or too much there is told."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from streams.playground.check import stored
from streams.playground.check.judge import Judge, JudgedRate
from streams.playground.check.stored import Stored, compare, series_of

NOW_MS = int(time.time()) * 1000
OCTETS = "panoptes_interface_octets_in_bytes_per_second"


class Store:
    """Answers PromQL's range selectors with what it was given: (series, row) -> time -> value."""

    def __init__(self, samples: Mapping[tuple[str, str], Mapping[int, float]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)["query"][0]
                result = [
                    {
                        "metric": {"device": "sw1", "row": row},
                        "values": [[at_ms / 1000, repr(value)] for at_ms, value in values.items()],
                    }
                    for (series, row), values in samples.items()
                    if query.startswith(f"{series}[")
                ]
                body = json.dumps({"data": {"result": result}}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "SETTLE_S", 0.0)


@pytest.fixture
def judge() -> Judge:
    made = Judge({"devices": [], "epoch_s": 0})
    made.rates = [
        JudgedRate("sw1", "Gi1", "octets_in", NOW_MS - 60_000 + at * 15_003, 1e6 / 3 + at, 1e6 / 3, 3e3)
        for at in range(3)
    ]
    return made


def right(judge: Judge) -> dict[int, float]:
    return {rate.time_ms: rate.found for rate in judge.rates}


def asked(judge: Judge, values: Mapping[int, float]) -> Stored:
    store = Store({(OCTETS, "Gi1"): values})
    try:
        return compare(store.url, judge)
    finally:
        store.close()


def test_a_store_that_has_every_rate_is_right(judge: Judge):
    found = asked(judge, right(judge))
    assert found == Stored(3, 3)
    assert found.line.startswith("store: 3 of 3 rates")
    assert judge.problems == []


@pytest.mark.parametrize(
    ("change", "told", "count"),
    [
        pytest.param(lambda values, at: values.pop(at), "the store has no sw1 Gi1", 2, id="missing"),
        pytest.param(lambda values, at: values.update({at: values[at] + 0.01}), "the topic", 2, id="another-value"),
        pytest.param(lambda values, at: values.update({at + 1: 7.0}), "of which no gauge knows", 3, id="too-much"),
        pytest.param(
            lambda values, at: values.update({at + 7: values.pop(at)}), "the store has no sw1 Gi1", 2, id="another-time"
        ),
    ],
)
def test_what_differs_is_told(judge: Judge, change, told, count):
    values = right(judge)
    change(values, judge.rates[1].time_ms)
    assert asked(judge, values).right == count
    assert any(told in problem for problem in judge.problems)


def test_a_rate_that_is_wrong_in_truth_is_wrong_in_the_store(judge: Judge):
    judge.rates = [rate._replace(true=rate.true * 2) for rate in judge.rates]
    assert asked(judge, right(judge)).right == 0
    assert "in truth it is" in judge.problems[0]


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("octets_out", "panoptes_interface_octets_out_bytes_per_second"),
        ("unicast_packets_in", "panoptes_interface_unicast_packets_in_per_second"),
        ("errors_in", "panoptes_interface_errors_in_packets_per_second"),
        ("errors_symbol", "panoptes_interface_errors_symbol_per_second"),
    ],
)
def test_series_are_called_as_the_sink_calls_them(name, series):
    assert series_of(name) == series
