"""ZooKeeper and the registry of a secured stack: by TLS, as somebody, and nobody else touches what is ours."""

import asyncio
import uuid

import httpx
import pytest
from kazoo.exceptions import KazooException, NoAuthError
from kazoo.handlers.threading import KazooTimeoutError

from schemas.errors import BackendError, FatalError
from streams.runtime.registry.opening import open_registry
from streams.runtime.schedule.leadership import Leadership
from streams.runtime.schedule.zookeeper import session
from streams.runtime.settings.loading import load

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def whole(secured):
    """The same stack with ZooKeeper and the registry, too."""
    secured.up()
    return secured


@pytest.fixture
def settings(whole):
    return load(None, whole.environment("polling"))


async def test_a_leader_is_elected_whose_node_nobody_else_may_touch(whole, settings):
    path = f"/panoptes-{uuid.uuid4().hex[:8]}/polling/leader"
    elected = asyncio.Event()
    leadership = Leadership(
        settings.zookeeper, path, "me", on_elected=lambda _term: elected.set(), on_deposed=lambda _term: None
    )
    leadership.start()
    try:
        async with asyncio.timeout(60):
            await elected.wait()
        await asyncio.to_thread(_may_not, settings, path)
    finally:
        await leadership.stop()


def _may_not(settings, path):
    other = session(settings.zookeeper.model_copy(update={"username": "somebody-else"}))
    other.start()
    try:
        for deed in (other.get_children, other.delete, lambda where: other.create(f"{where}/x")):
            with pytest.raises(NoAuthError):
                deed(path)
    finally:
        other.stop()
        other.close()


def ask(client):
    client.start(timeout=4)
    client.get_children("/")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"PANOPTES_ZOOKEEPER_TLS": "false"}, id="plain"),
        pytest.param({"PANOPTES_ZOOKEEPER_SSL_CA_FILE": ""}, id="another-authority"),
        pytest.param({"PANOPTES_ZOOKEEPER_USERNAME": "", "PANOPTES_ZOOKEEPER_PASSWORD": ""}, id="nobody"),
    ],
)
def test_zookeeper_serves_nobody_who_comes_otherwise(whole, change):
    client = session(load(None, {**whole.environment("polling"), **change}).zookeeper)
    try:
        with pytest.raises((KazooTimeoutError, KazooException)):
            ask(client)
    finally:
        client.stop()
        client.close()


async def test_the_registry_answers_by_tls_to_a_user(whole, settings):
    if "registry-front" in whole.absent():
        pytest.skip("needs vmauth")
    assert settings.registry.url.startswith("https:")
    subject = f"t{uuid.uuid4().hex}-value"
    schema_id = await open_registry(settings).id_for(subject, '"string"')
    assert await open_registry(settings).ids_of(subject) == [schema_id]
    url = f"{settings.registry.url}/subjects"
    async with httpx.AsyncClient(verify=False, trust_env=False) as nobody:  # noqa: S501 - to see that it asks for a user
        assert (await nobody.get(url)).status_code == 401
    wrong = settings.model_copy(update={"registry": settings.registry.model_copy(update={"username": "nobody"})})
    with pytest.raises((BackendError, FatalError), match="refused"):
        await open_registry(wrong).ids_of(subject)
