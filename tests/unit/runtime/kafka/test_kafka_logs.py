"""An absent broker is said by what waits for it; what its clients say every second comes through now and then."""

import logging
from collections.abc import Iterator

import pytest
from aiokafka import client

from streams.runtime.kafka.client import REPETITIVE, Sampled, sample_client_logs

UNREACHABLE = 'Unable connect to "%s:%s": %s'


def record(text: str, at_s: float, level: int = logging.ERROR, *arguments: object) -> logging.LogRecord:
    made = logging.LogRecord("aiokafka", level, "", 0, text, arguments, None)
    made.created = at_s
    return made


@pytest.mark.parametrize(
    ("records", "through"),
    [
        pytest.param([record("a", at_s) for at_s in range(40)], [0, 30], id="each-second"),
        pytest.param([record("a", 0), record("b", 1), record("a", 2)], [0, 1], id="another-text"),
        pytest.param([record("%s", 0, logging.ERROR, "h"), record("%s", 1, logging.ERROR, "i")], [0], id="arguments"),
        pytest.param([record("a", at_s, logging.INFO) for at_s in range(3)], [0, 1, 2], id="no-warning"),
    ],
)
def test_a_warning_comes_through_now_and_then(records: list[logging.LogRecord], through: list[int]) -> None:
    sampled = Sampled(30.0)
    assert [one.created for one in records if sampled.filter(one)] == through


@pytest.fixture
def without_filters() -> Iterator[None]:
    """The clients' loggers without any filter, as a process begins."""
    loggers = [logging.getLogger(name) for name in REPETITIVE]
    before = [logger.filters for logger in loggers]
    for logger in loggers:
        logger.filters = []
    yield
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters = filters


@pytest.mark.usefixtures("without_filters")
def test_what_the_kafka_client_says_of_an_absent_broker_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        sample_client_logs()
    for _ in range(3):
        client.log.error(UNREACHABLE, "127.0.0.1", 1, "refused")
    assert caplog.messages == ['Unable connect to "127.0.0.1:1": refused']
    assert all(len(logging.getLogger(name).filters) == 1 for name in REPETITIVE)
