"""Routes of the pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from schemas.errors import BackendError, PanoptesError
from streams.console.models import ReadModels
from streams.console.pages import views
from streams.console.pages.agent_map import MapPages
from streams.console.pages.agent_of_device import DevicePages
from streams.console.pages.agent_recent import Recent
from streams.console.pages.agent_row import RowPages
from streams.console.pages.asking import BadAddressError, NotThereError, number, text
from streams.console.pages.completion import completions
from streams.console.pages.drawing import HEADERS, STATIC, Pages
from streams.console.pages.forms import readable
from streams.console.pages.reads import AskedBroker, Asker, History
from streams.pipeline import STAGES, TOPICS
from streams.scheduling.filter_fields import ENRICHED, FACTS
from streams.scheduling.filters import FilterError

Shown: TypeAlias = Callable[[Request], Awaitable[Response]]


def routes(models: ReadModels, history: History, why: Asker, broker: AskedBroker | None = None) -> list[BaseRoute]:
    """Return the routes of every page and of the static files."""
    general = _General(models, history, broker)
    charted = MapPages(models, history, general.page)
    rows = RowPages(models, history, general.page)
    device = DevicePages(models, history, why, general.page)
    shown: dict[str, Shown] = {
        "/": general.overview,
        "/devices": general.devices,
        "/map": charted.map,
        "/map.json": charted.graph,
        "/search": general.search,
        "/slots": general.slots,
        "/topics": general.topics,
        "/dead-letter": general.dead_letter,
        "/complete": general.complete,
        "/profiles": general.profiles,
        "/device": device.device,
        "/row": rows.row,
        "/plot": rows.plot,
        "/record": device.record,
        "/why": device.why,
    }
    found: list[BaseRoute] = [Route(path, _guarded(show, general)) for path, show in shown.items()]
    return [*found, Mount("/static", StaticFiles(directory=STATIC), name="static")]


def _guarded(show: Shown, general: "_General") -> Shown:
    """Return a handler whose expected failures are pages."""

    async def answer(request: Request) -> Response:
        try:
            return await show(request)
        except BadAddressError as problem:
            return general.fault(request, 400, "This address cannot be understood", str(problem))
        except NotThereError as problem:
            return general.fault(request, 404, "Not there", str(problem))
        except (PanoptesError, OSError) as problem:
            return general.fault(request, 503, "What this page needs is away", str(problem))

    return answer


class _General:
    """The pages about the whole network."""

    def __init__(self, models: ReadModels, history: History, broker: AskedBroker | None) -> None:
        self._models = models
        self._history = history
        self._broker = broker
        self._pages = Pages()
        self._recent = Recent()

    def page(self, name: str, request: Request, filling: Mapping[str, object], status: int = 200) -> Response:
        """Return a page that also tells what cannot be read now."""
        stale = [each for each in self._models.topics() if each.stale_since_ms is not None]
        who = {name: getattr(request.state, name, "") for name in ("user", "can_leave")}
        now = {"stale": stale, "store_away_since_ms": self._history.away_since_ms()}
        return self._pages.page(name, request.url.path, {**now, **who, **filling}, status)

    def fault(self, request: Request, status: int, words: str, detail: str) -> Response:
        return self.page("fault.html", request, {"status": status, "words": words, "detail": detail}, status)

    async def overview(self, request: Request) -> Response:
        broker = None if self._broker is None else self._broker.lately()
        filling = {
            "leaders": broker.leaders if broker else {},
            "seen": self._recent.of("/", lambda: views.overview(self._models)),
            "dead": len(self._models.dead_letters()),
        }
        return self.page("overview.html", request, filling)

    async def devices(self, request: Request) -> Response:
        asked = {name: text(request, name) for name in ("filter", "sort", "state")}
        filling = {"text": asked["filter"], "sort": asked["sort"] or "name", "state": asked["state"]}
        fields = (*ENRICHED.named, f"{FACTS}.sys_descr", "interfaces.alias")
        try:
            wanted = (asked["filter"], asked["sort"], number(request, "page") or 1, asked["state"])
            seen = self._recent.of(wanted, lambda: views.devices(self._models, *wanted))
        except FilterError as error:
            return self.page("devices.html", request, {**filling, "fields": fields, "error": str(error)}, 400)
        return self.page("devices.html", request, {**filling, "fields": fields, "seen": seen, "error": ""})

    async def search(self, request: Request) -> Response:
        wanted = text(request, "q")
        return self.page("search.html", request, {"q": wanted, "hits": views.search(self._models, wanted)})

    async def slots(self, request: Request) -> Response:
        page = number(request, "page") or 1
        heat = self._recent.of(("/slots", page), lambda: views.heat(self._models, page))
        return self.page("slots.html", request, {"heat": heat})

    async def topics(self, request: Request) -> Response:
        facts = {each.name: each for each in self._models.topics()}
        lines = [
            (
                spec,
                ", ".join(stage.name for stage in STAGES if topic in stage.writes),
                ", ".join(stage.name for stage in STAGES if topic in (*stage.reads, *stage.views)),
                facts.get(topic),
            )
            for topic, spec in TOPICS.items()
        ]
        broker, cannot = None, ""
        try:
            broker = None if self._broker is None else await self._broker.facts()
        except BackendError as problem:
            cannot = str(problem)
        filling = {"lines": lines, "broker": broker, "cannot": cannot}
        return self.page("topics.html", request, {**filling, "dead": list(self._models.dead_letters())[::-1]})

    async def dead_letter(self, request: Request) -> Response:
        place = (text(request, "topic"), number(request, "partition"), number(request, "offset"))
        known = (each for each in self._models.dead_letters() if (each.topic, each.partition, each.offset) == place)
        letter = next(known, None)
        if letter is None or self._broker is None:
            raise NotThereError("this dead letter is not among the last that were read")
        content = await self._broker.content(letter)
        key = (letter.key or b"").decode(errors="backslashreplace")
        shown = {"letter": letter, "key": readable(key), "content": readable(content)}
        return self.page("dead.html", request, shown)

    async def complete(self, request: Request) -> Response:
        return JSONResponse(list(completions(self._models, text(request, "text"))), headers=HEADERS)

    async def profiles(self, request: Request) -> Response:
        return self.page(
            "profiles.html", request, {"lines": self._recent.of("/profiles", lambda: views.profiles(self._models))}
        )
