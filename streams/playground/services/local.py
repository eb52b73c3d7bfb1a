"""Starts, stops and shows all services of one state folder."""

import enum
import fcntl
import shutil
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from streams.playground.services import jars, record, tools
from streams.playground.services.cluster.recipes import CLUSTER, SETTINGS
from streams.playground.services.problems import StackProblem
from streams.playground.services.process import Born
from streams.playground.services.recipes import RECIPES, Recipe, ServicePlace
from streams.playground.services.secured.recipes import SECURED
from streams.playground.services.secured.users import OPERATOR, by_certificate, give_rights, logins, secure
from streams.playground.services.service import START_TIMEOUT_S, Service

#: its data and the brokers' belong together: records carry the ids that it gave out
REGISTRY: Final = "apicurio"


class StackKind(enum.Enum):
    """What a stack is made of; its folder's first start says it for good."""

    PLAIN = "one of each service"
    SECURED = "TLS, users, and least privilege"
    CLUSTER = "three brokers, three ZooKeepers, Redis with a replica"


_RECIPES: Final[Mapping[StackKind, Mapping[str, Recipe]]] = {
    StackKind.PLAIN: RECIPES,
    StackKind.SECURED: SECURED,
    StackKind.CLUSTER: CLUSTER,
}


class Status(NamedTuple):
    name: str
    pid: int | None  #: None: not running
    address: str
    log: Path
    problem: str | None  #: None: it answers
    optional: bool = False  #: the machine does not have it, and the others do without it


class Stack:
    """The services of one state folder.

    Ports: the ones given, else those of the folder's last run, else the defaults; `free_ports` picks ports that
    nobody uses instead of the defaults. Jars: `<state>/jars`, or a folder shared by several stacks.
    """

    def __init__(
        self,
        state: Path,
        *,
        ports: Mapping[str, int] | None = None,
        free_ports: bool = False,
        jars: Path | None = None,
        kind: StackKind = StackKind.PLAIN,
    ) -> None:
        """Raises StackProblem when `stack.json` is damaged, or a running service is to have another port.

        A folder stays of the kind of its first start; another one but the plain is refused.
        """
        self.state = state.absolute()
        self.jars = (jars or self.state / "jars").absolute()
        self._path = self.state / "stack.json"
        self._record = record.load(self._path)
        self._saving = threading.Lock()
        self.data = self.state / "data"
        self.kind = self._kind(kind)
        self.secured = self.kind is StackKind.SECURED
        self._recipes = _RECIPES[self.kind]
        defaults = {name: port for recipe in self._recipes.values() for name, port in recipe.ports.items()}
        if free_ports and not self._record.ports:
            defaults = record.free_ports(defaults)
        self._record.ports = {**defaults, **self._record.ports}
        self._services = {name: self._service(name) for name in self._recipes}
        for name, recipe in self._recipes.items():
            asked = {port: number for port, number in (ports or {}).items() if port in recipe.ports}
            if any(self._record.ports[port] != number for port, number in asked.items()):
                if self._services[name].pid is not None:
                    raise StackProblem(
                        f"{name} runs on {self._services[name].address}: stop it to give it another port"
                    )
                self._record.ports.update(asked)
        self._services = {name: self._service(name) for name in self._recipes}

    def _kind(self, asked: StackKind) -> StackKind:
        """Return what the folder is of, asked for where it is new. Raises StackProblem."""
        if (self.data / "tls").exists():
            found = StackKind.SECURED
        elif "kafka-1" in self._record.ports:
            found = StackKind.CLUSTER
        elif "kafka" in self._record.ports:
            found = StackKind.PLAIN
        else:
            return asked
        if asked not in (StackKind.PLAIN, found):
            raise StackProblem(f"{self.state} is of a stack with {found.value}: take another folder (--state)")
        return found

    def service(self, name: str) -> Service:
        """Return one service by name: kafka, zookeeper, redis, apicurio, victoria-metrics. Raises KeyError.

        Of a cluster: kafka-1 to kafka-3, zookeeper-1 to zookeeper-3, redis, redis-replica, and the others.
        """
        return self._services[name]

    def up(self, only: Collection[str] = (), *, timeout_s: float = START_TIMEOUT_S) -> list[str]:
        """Start the services that do not run yet, wait until all answer, and return remarks for people.

        What was started stays up when another service fails, for a look at it; `down` ends it. Raises StackProblem.
        """
        services = self._chosen(only)
        with self._alone():
            if self.secured:
                secure(self.data, self.service("apicurio").port)
            remarks = [*self._keep_pair_together(), *(() if only else self.absent().values())]
            with ThreadPoolExecutor(len(services)) as pool:
                starts = [pool.submit(_problem, service, timeout_s) for service in services]
                try:
                    failures = [problem for start in starts if (problem := start.result())]
                except BaseException:  # Ctrl-C: the threads must not wait on for services that nobody wants any more
                    for service in services:
                        service.give_up()
                    raise
        if failures:
            raise StackProblem("\n".join(failures))
        if self.secured and any(service.name == "kafka" for service in services):
            give_rights(self.service("kafka"), self.data)
        return remarks

    def down(self, only: Collection[str] = ()) -> list[str]:
        """Stop the running services, and return remarks for people. Raises StackProblem when a process cannot be
        ended.
        """
        with self._alone(), ThreadPoolExecutor(len(self._recipes)) as pool:
            chosen = self._chosen(only or self._recipes)
            gone = list(pool.map(lambda service: service.stop(), chosen))
        return [
            f"{s.name} did not stop when asked and was killed" for s, fine in zip(chosen, gone, strict=True) if not fine
        ]

    def reset(self) -> None:
        """Remove all data and logs of a stack that is down; the jars stay. Raises StackProblem when something runs."""
        with self._alone():
            running = [service.name for service in self._services.values() if service.pid is not None]
            if running:
                raise StackProblem(f"{', '.join(running)} still running: take the stack down first")
            for folder in ("data", "logs"):
                shutil.rmtree(self.state / folder, ignore_errors=True)

    def fetch(self) -> None:
        """Fetch the jars of the services. Raises StackProblem."""
        for name in self._jars():
            jars.fetched(self.jars, name)

    def missing(self) -> list[str]:
        """Return the missing programs, each with the command that installs it."""
        return tools.missing(jars_are_there=all(jars.complete(self.jars, name) for name in self._jars()))

    def _jars(self) -> list[str]:
        return sorted({recipe.jars for recipe in self._recipes.values()} - {""})

    def absent(self) -> dict[str, str]:
        """Return the optional services that this machine lacks: name -> reason, for people."""
        found = {name: recipe.absent() for name, recipe in self._recipes.items() if self._services[name].pid is None}
        return {name: why for name, why in found.items() if why is not None}

    def status(self) -> list[Status]:
        """Return the state of each service."""
        absent = self.absent()
        return [
            Status(s.name, s.pid, s.address, s.place.log, absent.get(s.name) or s.why_not(), s.name in absent)
            for s in self._services.values()
        ]

    def environment(self, stage: str = OPERATOR, *, certificate: bool = False) -> dict[str, str]:
        """Return the variables that point the pipeline at this stack; for a secured one, as a stage's user.

        `certificate`: Kafka is shown the user's certificate in the place of a password.
        """
        absent = self.absent()
        found: dict[str, str] = {}
        for service in self._services.values():
            if service.name not in absent:
                variable = service.recipe.variable
                before = found.get(variable) if self.kind is StackKind.CLUSTER else None
                found[variable] = f"{before},{service.address}" if before else service.address
        if self.kind is StackKind.CLUSTER:
            return {**found, **SETTINGS}
        if not self.secured:
            return found
        own = logins(found, self.data, stage)
        if certificate:
            own = {name: value for name, value in own.items() if not name.startswith("PANOPTES_KAFKA_")}
            own |= by_certificate(self.data, self._record.ports["kafka-brokers"], stage)
        return found | own

    def _service(self, name: str) -> Service:
        place = ServicePlace(
            data=self.data / name,
            log=self.state / "logs" / f"{name}.log",
            jars=self.jars,
            ports=self._record.ports,
        )
        return Service(self._recipes[name], place, self._record.running.get(name), self._changed)

    def _chosen(self, only: Collection[str]) -> list[Service]:
        unknown = sorted(set(only) - set(self._recipes))
        if unknown:
            raise StackProblem(f"no such service: {', '.join(unknown)} (there are {', '.join(self._recipes)})")
        absent = () if only else self.absent()
        return [
            service
            for name, service in self._services.items()
            if name in (only or self._recipes) and name not in absent
        ]

    def _changed(self, name: str, born: Born | None) -> None:
        with self._saving:
            if born is None:
                self._record.running.pop(name, None)
            else:
                self._record.running[name] = born
            self._save(self._services.values())

    def _save(self, services: Iterable[Service]) -> None:
        if self.state.exists():
            self._record.save(
                self._path,
                {service.name: service.address for service in services},
                {service.name: str(service.place.log) for service in services},
            )

    def _keep_pair_together(self) -> list[str]:
        """Give Kafka and the registry one mark; wipe both where the marks differ or one of the two was removed."""
        names = [name for name, recipe in self._recipes.items() if recipe.jars == "kafka" or name == REGISTRY]
        services = [self._services[name] for name in names]
        if any(service.pid is not None for service in services):
            return []
        marks = [service.place.data / "belongs-together" for service in services]
        said = {mark.read_text() if mark.exists() else None for mark in marks}
        if len(said) == 1 and None not in said:
            return []
        had = [service.name for service in services if service.place.data.exists()]
        fresh = uuid.uuid4().hex
        for service, mark in zip(services, marks, strict=True):
            shutil.rmtree(service.place.data, ignore_errors=True)
            service.place.data.mkdir(parents=True)
            mark.write_text(fresh)
        return (
            [f"the data of {' and '.join(names)} did not belong together (found: {', '.join(had)}): both start empty"]
            if had
            else []
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a second `up` or `down` of the same folder waiting."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "stack.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _problem(service: Service, timeout_s: float) -> str | None:
    try:
        service.start(timeout_s)
    except StackProblem as problem:
        return str(problem)
    return None
