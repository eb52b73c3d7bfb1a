"""The sinks stage: writes the records of topics to a store outside Kafka. `faust -A streams.sinks worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
