"""Discovery: hosts named in the configuration."""

from pollers.plugins.base import Discovery, OptionError, PluginContext
from schemas.records import Resource


class Hosts:
    def __init__(self, hosts: list[str], site: str, context: PluginContext) -> None:
        self._hosts = hosts
        self._site = site
        self._context = context

    async def discover(self) -> Discovery:
        """Return one resource per host."""
        now_ms = self._context.now_ms()
        return Discovery(
            resources=[
                Resource(
                    site=self._site,
                    resource_class="system",
                    resource_subclass="host",
                    resource_type="linux",
                    resource_id=host,
                    endpoint=host,
                    plugins=[self._context.section],
                    first_seen_ms=now_ms,
                    last_seen_ms=now_ms,
                    labels={"room": "lab"},
                )
                for host in self._hosts
            ]
        )


def create(context: PluginContext) -> Hosts:
    """Make the plugin from its section: `hosts = a, b` and `site = lab`."""
    hosts = [host.strip() for host in context.options.get("hosts", "").split(",") if host.strip()]
    if not hosts:
        raise OptionError({"hosts": "expected one host or more, separated by commas"})
    return Hosts(hosts, context.options.get("site", "lab"), context)
