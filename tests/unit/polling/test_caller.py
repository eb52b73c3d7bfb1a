"""Whatever a plugin does, a poll comes back: with the reason, in time, and counted."""

import asyncio

import pytest

from schemas.records import Job, Outcome
from streams.polling.agent_poller import MARGIN_S, PluginCaller, time_limit_s
from tests.unit.polling.poller_fakes import JOB, SUCCESS, Plugin, resource


class Endless:
    """A plugin that waits for what never comes; told to end, it may fail in its own way."""

    def __init__(self, at_the_end=None):
        self.ended = False
        self._at_the_end = at_the_end

    async def poll(self, _enriched, _job, _slot):
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
            if self._at_the_end is not None:
                raise self._at_the_end


@pytest.mark.parametrize("at_the_end", [None, OSError("closed")], ids=["quietly", "with-a-fault-of-its-own"])
async def test_a_poll_that_does_not_end_is_ended(at_the_end):
    plugin = Endless(at_the_end)
    caller = PluginCaller({"ping": plugin}, limit_s=lambda _job: 0.01)
    poll = await caller.ask(resource("sw1"), JOB, 60)
    assert (poll.outcome, poll.reason) == (Outcome.INTERNAL, "fault in plugin ping: not ended after 0.01 s")
    assert plugin.ended
    assert caller.faults == 1


async def test_a_timeout_of_the_plugins_own_is_a_fault_of_the_plugin():
    def answer(_resource_id):
        raise TimeoutError

    poll = await PluginCaller({"ping": Plugin(answer)}).ask(resource("sw1"), JOB, 60)
    assert poll.reason == "fault in plugin ping: TimeoutError"


async def test_the_callers_cancellation_goes_through():
    plugin = Endless()
    caller = asyncio.create_task(PluginCaller({"ping": plugin}).ask(resource("sw1"), JOB, 60))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert plugin.ended


async def test_what_a_plugin_found_comes_back_as_it_is():
    caller = PluginCaller({"ping": Plugin()})
    assert await caller.ask(resource("sw1"), JOB, 60) is SUCCESS
    assert caller.faults == 0


async def test_a_section_that_is_not_configured_here_is_named():
    poll = await PluginCaller({"snmp": Plugin()}).ask(resource("sw1"), JOB, 60)
    assert poll.outcome is Outcome.INTERNAL
    assert "[polling:ping]" in poll.reason
    assert "there is: snmp" in poll.reason


@pytest.mark.parametrize("interval_s", [1, 60, 3600])
def test_a_poll_has_longer_than_any_deadline_within_its_interval(interval_s):
    assert time_limit_s(Job(plugin="ping", profile="", interval_s=interval_s)) == interval_s + MARGIN_S
