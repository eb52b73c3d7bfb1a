"""What a wire can be told."""

import pytest

from tests.lab.testbed.wire import Quality, parse


def test_settings_are_read() -> None:
    assert parse(["loss=20", "delay=30.5"]) == Quality(loss=20, delay=30.5)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        pytest.param("los=2", "no such setting", id="a-name"),
        pytest.param("loss=x", "'x' is no number", id="no-number"),
        pytest.param("loss=101", "range", id="too-much"),
        pytest.param("delay=-1", "range", id="below-nothing"),
        pytest.param("loss=nan", "range", id="not-a-number"),
    ],
)
def test_what_is_wrong_is_said(argument: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse([argument])
