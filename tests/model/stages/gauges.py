"""Gauges: raw counters in; out the rows that one converter makes of them, in order; repeats have the same bytes."""

from collections import Counter, defaultdict

from schemas.records import CounterColumn, Gauge, RawCounters
from streams.gauges.converter import Converter
from streams.gauges.fold.plan import Rules
from streams.pipeline import Topic
from tests.model.broker import MOST_BYTES
from tests.model.clock import T0_S
from tests.model.stage_model import Given, StageModel
from tests.model.stages.parts import GARBAGE, KEYS, resource
from tests.model.world import World

INTERVAL_S = 60


class Gauges(StageModel):
    name = "gauges"

    def begin(self, world: World) -> None:
        super().begin(world)
        self.polls: Counter[int] = Counter()
        self.raw = world.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        self.gauge = world.serdes.of(Topic.GAUGES, Gauge)
        self.inputs: defaultdict[bytes, list[bytes]] = defaultdict(list)

    def given(self, key: int, variant: int) -> Given:
        name = KEYS[key].encode()
        if variant == 0:
            return Given(Topic.RAW_COUNTERS, name, None)
        if variant == 1:
            return Given(Topic.RAW_COUNTERS, name, GARBAGE, is_usable=False)
        self.polls[key] += 1
        slot = int(T0_S) + INTERVAL_S * self.polls[key]
        value = self.raw.encode(
            RawCounters(
                resource=KEYS[key], site="lab", endpoint="192.0.2.1", labels=resource(key, variant).labels,
                job="ping//60", group="g", interval_s=INTERVAL_S, index=("a", "b"), slot=slot,
                polled_at_ms=slot * 1000, uptime_cs=1_000_000 + slot,
                counters=[CounterColumn(name="octets", width=64, unit="octets", values=(slot, slot * variant))],
            )
        )  # fmt: skip
        self.inputs[name].append(value)
        return Given(Topic.RAW_COUNTERS, name, value, is_usable=variant != 8)

    def check(self) -> None:
        """Of each key the rows stand in the order of its samples; what was sent again is what was sent before."""
        for key, inputs in self.inputs.items():
            wanted = self._rows(key, inputs)
            sent = self.world.values(Topic.GAUGES, key)
            assert list(dict.fromkeys(sent)) == wanted, f"the gauges of {key!r}"
            if not self.world.is_rough:
                assert sent == wanted, f"gauges of {key!r} stand twice, and nothing had happened"

    def _rows(self, key: bytes, inputs: list[bytes]) -> list[bytes]:
        """Return what comes of the samples where nothing goes wrong."""
        table: dict[bytes, bytes] = {}
        converter = Converter(Rules(), self.raw, self.gauge, lambda _partition, entry: table.get(entry))
        rows: list[bytes] = []
        for value in inputs:
            made = converter.convert(0, key, value)
            if any(len(row) > MOST_BYTES for row in made.rows):
                converter.forget()
                continue
            rows += made.rows
            if made.entry is not None:
                table.update([made.entry])
        return rows
