"""The local services that the pipeline runs on: Kafka, ZooKeeper, Redis and a schema registry.

tools.py      what must be on the machine: Java, Maven, Redis
jars.py       the jars that Maven brings, held to jars.lock
recipes.py    what each service is: its files, its command line, how one sees that it answers
probes.py     asking a service whether it answers
process.py    a process that outlives the one who started it
service.py    one service: start, stop, kill, restart
record.py     `stack.json`: ports, pids and addresses
local.py      the stack as a whole: up, down, status
secured/      the same with TLS and users
cluster/      the same with three of what must not fail
keeper.py     takes a stack down when the one who started it is gone
"""

from streams.playground.services.local import Stack, StackKind
from streams.playground.services.problems import StackProblem
from streams.playground.services.service import Service

__all__ = ["Service", "Stack", "StackKind", "StackProblem"]
