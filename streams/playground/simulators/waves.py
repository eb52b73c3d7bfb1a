"""Oscillating rates and levels with exact integrals."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wave:
    """A rate that oscillates about its mean: mean x (1 + swing x sin(2 pi (t + shift) / period))."""

    mean_per_s: float
    swing: float = 0.0  #: part of the mean, 0 to 1
    period_s: float = 300.0
    shift_s: float = 0.0

    @property
    def peak_per_s(self) -> float:
        return self.mean_per_s * (1 + self.swing)

    def at(self, t_s: float) -> float:
        """Return the rate, or the level, at that moment."""
        return self.mean_per_s * (1 + self.swing * math.sin(2 * math.pi * (t_s + self.shift_s) / self.period_s))

    def total(self, t_s: float) -> float:
        """Return the integral of the rate from 0 to t_s, up to a constant."""
        turn = 2 * math.pi / self.period_s
        return self.mean_per_s * (t_s - self.swing / turn * math.cos(turn * (t_s + self.shift_s)))

    def mean(self, from_s: float, to_s: float) -> float:
        """Return the mean rate over a stretch."""
        return (self.total(to_s) - self.total(from_s)) / (to_s - from_s)
