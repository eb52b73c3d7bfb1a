"""A worker that was asked to end ends, whatever its steps do."""

import asyncio
from typing import Any

import pytest

from streams.runtime.faust import ending
from streams.runtime.faust.ending import bounded


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: Any):
    monkeypatch.setattr(ending, "STOP_STEP_S", 0.02)


async def test_a_step_that_ignores_its_cancellation_is_not_waited_for(caplog: Any):
    go = asyncio.Event()

    async def stubborn() -> None:
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    async with asyncio.timeout(5):
        await bounded(stubborn(), "a commit")
    assert "given up after 0.02 s" in caplog.text
    assert "a commit" in caplog.text
    go.set()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(OSError("gone"), "OSError('gone')", id="a-fault"),
        pytest.param(asyncio.CancelledError(), "it was cancelled", id="ended-as-a-cancelled-task-does"),
    ],
)
async def test_a_step_that_fails_does_not_keep_the_others_from_being_done(fault: BaseException, said: str, caplog: Any):
    async def fails() -> None:
        raise fault

    await bounded(fails(), "leaving")
    assert f"leaving problem={said}" in caplog.text


def test_a_process_whose_stop_is_not_over_in_time_ends_with_a_clear_line(monkeypatch: Any, caplog: Any):
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr("logging.shutdown", lambda: None)
    ending._end(0.0)
    assert ended == [ending.EXIT_NOT_STOPPED]
    assert "the stop was not over after 0 s" in caplog.text
