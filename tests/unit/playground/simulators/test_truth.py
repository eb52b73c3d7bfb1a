"""The truth itself: what it promises must hold before anything is checked against it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.playground.simulators import truth
from streams.playground.simulators.devices import EVENTS_EVERY_S, ROLES, UPTIME_WRAP_SHARE, fleet
from streams.playground.simulators.truth import Quantity
from streams.playground.simulators.waves import Wave

EPOCH_S = 1_790_000_000.0
DEVICES = fleet()
BY_ROLE = {device.role: device for device in DEVICES}


@given(
    mean=st.floats(0, 1e10),
    swing=st.floats(0, 1),
    period=st.floats(60, 3600),
    start=st.floats(0, 1e6),
    length=st.floats(1, 600),
)
def test_the_mean_of_a_wave_is_the_integral_of_its_rate(
    mean: float, swing: float, period: float, start: float, length: float
) -> None:
    wave = Wave(mean, swing, period, 17.0)
    steps = 2000
    width = length / steps
    turn = 2 * math.pi / period
    summed = sum(
        mean * (1 + swing * math.sin(turn * (start + (step + 0.5) * width + 17.0))) * width for step in range(steps)
    )
    exact = wave.total(start + length) - wave.total(start)
    assert exact == pytest.approx(summed, rel=1e-4, abs=1e-3 + 1e-15 * mean * 1e6)


@given(
    device=st.sampled_from(DEVICES),
    port=st.integers(0, 47),
    at=st.floats(0, 86_400),
    quantity=st.sampled_from(Quantity),
)
def test_counters_never_run_backwards_between_restarts(
    device: truth.SimulatedDevice, port: int, at: float, quantity: Quantity
) -> None:
    interface, before, after = device.interfaces[port], EPOCH_S + at, EPOCH_S + at + 7
    if truth.restarts(device, interface, EPOCH_S, before, after):
        return
    first = truth.count(device, interface, quantity, EPOCH_S, before)
    second = truth.count(device, interface, quantity, EPOCH_S, after)
    rate = truth.mean_rate(device, interface, quantity, EPOCH_S, before, after)
    assert rate is not None
    assert second - first >= 0
    assert abs(second - first - rate * 7) <= 1 + rate * 1e-9


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.role)
def test_no_interface_is_faster_than_its_line(device: truth.SimulatedDevice) -> None:
    for interface in device.interfaces:
        for quantity in (Quantity.IN_OCTETS, Quantity.OUT_OCTETS):
            assert interface.waves[quantity].peak_per_s * 8 <= interface.speed_bits_per_s


def test_there_are_24_devices_with_48_differently_named_interfaces_and_every_role() -> None:
    assert len(DEVICES) == 24
    assert {device.role for device in DEVICES} == {"ordinary", *ROLES}
    assert len({device.address for device in DEVICES}) == len({device.device_id for device in DEVICES}) == 24
    for device in DEVICES:
        assert len({interface.name for interface in device.interfaces}) == 48
        assert len({interface.index for interface in device.interfaces}) == 48


def test_the_fleet_is_the_same_every_time() -> None:
    assert fleet() == DEVICES


def test_a_reboot_starts_uptime_and_counters_again_after_a_silence() -> None:
    device = BY_ROLE["reboots"]
    every = device.reboots_every_s
    assert every is not None
    boot = EPOCH_S + every
    port = device.interfaces[0]
    assert not truth.answers(device, EPOCH_S, boot - 1)
    assert truth.answers(device, EPOCH_S, boot)
    assert truth.uptime_cs(device, EPOCH_S, boot - 5) > 3_600 * 100
    assert truth.uptime_cs(device, EPOCH_S, boot + 1) == 100
    assert truth.count(device, port, Quantity.IN_OCTETS, EPOCH_S, boot) == 0
    assert truth.mean_rate(device, port, Quantity.IN_OCTETS, EPOCH_S, boot - 6, boot + 6) is None
    assert truth.restarts(device, port, EPOCH_S, boot - 6, boot + every + 6) == [boot, boot + every]


def test_counters_of_32_bits_wrap_within_minutes_but_at_most_once_in_20_s() -> None:
    for port in BY_ROLE["wraps-32-bit"].interfaces:
        wave = port.waves[Quantity.IN_OCTETS]
        if port.oper_up:
            assert wave.mean_per_s * 180 > 2**32
            assert port.speed_bits_per_s / 8 * 20 < 2**32


def test_uptime_wraps_after_497_days_without_a_restart() -> None:
    device, wraps_s = BY_ROLE["uptime-wraps"], UPTIME_WRAP_SHARE * EVENTS_EVERY_S
    before, after = (truth.uptime_cs(device, EPOCH_S, EPOCH_S + at) for at in (wraps_s - 1, wraps_s + 1))
    assert before == pytest.approx(2**32 - 100, abs=1)
    assert after == pytest.approx(100, abs=1)
    assert truth.restarts(device, device.interfaces[0], EPOCH_S, EPOCH_S, EPOCH_S + 300) == []


def test_a_cleared_interface_says_when_it_was_cleared() -> None:
    device = BY_ROLE["clears-counters"]
    port, other = device.interfaces[6], device.interfaces[7]
    every = port.cleared_every_s
    assert every is not None
    at = EPOCH_S + every
    assert truth.discontinuity_cs(device, port, EPOCH_S, at - 1) == 0
    assert truth.discontinuity_cs(device, port, EPOCH_S, at + 5) == truth.uptime_cs(device, EPOCH_S, at)
    assert truth.discontinuity_cs(device, other, EPOCH_S, at + 5) == 0
    assert truth.count(device, port, Quantity.IN_OCTETS, EPOCH_S, at) == 0


def test_huge_counters_stand_above_2_to_the_63() -> None:
    device = BY_ROLE["huge-counters"]
    value = truth.count(device, device.interfaces[0], Quantity.IN_OCTETS, EPOCH_S, EPOCH_S + 60)
    assert 2**63 < value < 2**64
