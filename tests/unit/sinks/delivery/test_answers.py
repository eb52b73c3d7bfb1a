"""What a store's answer means."""

import pytest

from streams.sinks.delivery.answers import Answer, judge

NOW_S = 1_700_000_000.0


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(200, "", Answer.STORED, id="ok"),
        pytest.param(204, "", Answer.STORED, id="no-content"),
        pytest.param(301, "", Answer.KEPT_OUT, id="redirect"),
        pytest.param(400, "out of order sample", Answer.REPEAT, id="prometheus-out-of-order"),
        pytest.param(400, "out of bounds", Answer.REPEAT, id="prometheus-too-old"),
        pytest.param(400, "duplicate sample for timestamp", Answer.REPEAT, id="prometheus-duplicate"),
        pytest.param(
            400,
            "failed pushing to ingester: the sample has been rejected because another sample with a more recent "
            "timestamp has already been ingested (err-mimir-sample-out-of-order)",
            Answer.REPEAT,
            id="mimir-out-of-order",
        ),
        pytest.param(400, "err-mimir-sample-timestamp-too-old", Answer.REPEAT, id="mimir-too-old"),
        pytest.param(409, "store locally: conflict: out of order sample", Answer.REPEAT, id="thanos"),
        pytest.param(
            400,
            '{"error":"partial write: points beyond retention policy dropped=1"}',
            Answer.REPEAT,
            id="influx-beyond-retention",
        ),
        pytest.param(400, "partial write: field type conflict dropped=1", Answer.BAD, id="influx-type"),
        pytest.param(422, "label name too long", Answer.BAD, id="bad-label"),
        pytest.param(401, "", Answer.KEPT_OUT, id="no-user"),
        pytest.param(403, "", Answer.KEPT_OUT, id="may-not"),
        pytest.param(404, "", Answer.KEPT_OUT, id="no-receiver"),
        pytest.param(415, "", Answer.KEPT_OUT, id="other-form"),
        pytest.param(413, "", Answer.TOO_LARGE, id="too-large"),
        pytest.param(429, "", Answer.BUSY, id="slow-down"),
        pytest.param(500, "out of order sample", Answer.BUSY, id="a-fault-of-the-store"),
        pytest.param(503, "", Answer.BUSY, id="away"),
    ],
)
def test_an_answer_means(status, body, expected):
    assert judge(status, {}, body, NOW_S).answer is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", None, id="none"),
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("Tue, 14 Nov 2023 22:13:50 GMT", 30.0, id="a-date"),
        pytest.param("Tue, 14 Nov 2023 22:13:10 GMT", 0.0, id="a-date-gone-by"),
        pytest.param("1000000", 600.0, id="too-long"),
        pytest.param("soon", None, id="nonsense"),
    ],
)
def test_a_store_may_say_how_long_to_wait(value, expected):
    assert judge(429, {"retry-after": value}, "", NOW_S).after_s == expected


def test_a_long_answer_is_told_on_one_short_line():
    said = judge(400, {}, "a\nb " + "c" * 5000, NOW_S).said
    assert said.startswith("400 a b ccc")
    assert len(said) < 250
