"""Tools for trying and developing: local services, simulated devices, the demo and its check.

services/     Kafka, ZooKeeper, Redis and a schema registry on this machine
simulators/   SNMP devices whose truth is known; no code of the poller
demo/         all of it together with the pipeline, and a live view
check/        what the pipeline publishes, compared with the truth; no code of either

Only `streams.cli` and the tests import it.
"""
