"""What is wrong with a user, a password or a certificate is said once, with the setting's name."""

import logging
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.playground.services.secured.authority import Authority
from streams.runtime.kafka.client import REPETITIVE, sample_client_logs
from streams.runtime.kafka.reach import AWAY, KafkaRefusedError
from streams.runtime.kafka.topics import check_topics, ensure_topics
from streams.runtime.settings.loading import Settings, load

pytestmark = pytest.mark.timeout(240)


class Wrong(NamedTuple):
    environ: dict[str, str]
    settings: Settings
    named: str  #: the setting that is to be looked at


@pytest.fixture
def wrong(secured, tmp_path, request):
    other = Authority(tmp_path / "other")
    given = secured.environment("operator")
    changes = {
        "password": ({"PANOPTES_KAFKA_SASL_PASSWORD": "no"}, "[kafka] sasl_username and sasl_password"),
        "user": ({"PANOPTES_KAFKA_SASL_USERNAME": "nobody"}, "[kafka] sasl_username and sasl_password"),
        "mechanism": ({"PANOPTES_KAFKA_SASL_MECHANISM": "PLAIN"}, "[kafka] sasl_mechanism"),
        "authority": ({"PANOPTES_KAFKA_SSL_CA_FILE": str(other.certificate)}, "[kafka] ssl_ca_file"),
    }
    change, named = changes[request.param]
    environ = {**given, "PANOPTES_KAFKA_PARTITIONS": "1", **change}
    return Wrong(environ, load(None, environ), named)


EACH = pytest.mark.parametrize("wrong", ["password", "user", "mechanism", "authority"], indirect=True)


@EACH
@pytest.mark.parametrize("command", [("topics", "create"), ("topics", "check"), ("topology", "show")])
def test_a_command_says_it_once_and_ends(command, wrong):
    said = CliRunner().invoke(main, command, env=wrong.environ)
    assert said.exit_code == 1, said.output
    assert said.output.count("check [kafka]") == 1, said.output
    assert wrong.named in said.output


@EACH
async def test_a_worker_says_it_once_and_waits(wrong, caplog):
    for name in REPETITIVE:
        logging.getLogger(name).filters.clear()
    sample_client_logs(says_refusals=True)
    tries = 0

    def give_up() -> bool:
        nonlocal tries
        tries += 1
        return tries > 4

    await ensure_topics(wrong.settings, give_up, absent=AWAY)
    for name in REPETITIVE:
        logging.getLogger(name).filters.clear()
    lines = [line for line in caplog.messages if "[kafka]" in line or "waiting" in line]
    assert len(lines) == 1
    assert wrong.named in lines[0]


@EACH
async def test_the_reason_is_an_error_of_its_own(wrong):
    with pytest.raises(KafkaRefusedError) as raised:
        await check_topics(wrong.settings)
    assert wrong.named in str(raised.value)


@EACH
def test_the_doctor_names_the_setting(wrong):
    said = CliRunner().invoke(main, ["doctor", "--timeout", "20"], env=wrong.environ)
    assert said.exit_code == 1
    [line] = [line for line in said.output.splitlines() if line.startswith("fault") and "[kafka]" in line]
    assert wrong.named in line


def test_the_doctor_finds_a_secured_stack_well_and_tells_how_long_certificates_last(secured):
    said = CliRunner().invoke(main, ["doctor", "--timeout", "20"], env=secured.environment("operator"))
    lasting = [line for line in said.output.splitlines() if "lasts" in line]
    named = ("kafka 127.0.0.1", "redis", "[kafka] ssl_ca_file", "[zookeeper] ssl_ca_file", "[registry] ssl_ca_file")
    assert [next(each for each in named if each in line) for line in lasting] == list(named)
    assert "Redis's clock" in said.output
