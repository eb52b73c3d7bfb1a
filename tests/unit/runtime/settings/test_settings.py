"""Settings come from files and the environment, and every fault is named at once with what was expected."""

import configparser
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.plugins.base import Kind
from pollers.snmp.limits import Engine
from streams.runtime.settings.loading import SECTIONS, Settings, SettingsError, load
from streams.runtime.settings.setting import Section, seconds, setting
from streams.runtime.snmp import limits_of

HEARTBEAT = "expected heartbeat_interval_s more than 0.3 s below half of session_timeout_s"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in a folder without a configuration."""
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(path, environ or {})
    return list(caught.value.problems)


def test_without_any_configuration_the_defaults_hold():
    settings = load(None, {})
    assert settings == Settings()
    assert settings.kafka.bootstrap_servers == "localhost:9092"
    assert [section.title for kind in Kind for section in settings.plugins(kind)] == [
        "discovery:devices",
        "enrichment:device",
        "enrichment:interfaces",
        "enrichment:neighbours",
        "polling:interfaces",
    ]


def test_later_sources_win(tmp_path):
    main = write(tmp_path / "panoptes.ini", "[kafka]\npartitions = 1\nreplication_factor = 3\n[web]\nbase_port = 1\n")
    write(tmp_path / "conf.d" / "10-a.ini", "[kafka]\npartitions = 2\nmin_insync_replicas = 2\n[web]\nbase_port = 2\n")
    write(tmp_path / "conf.d" / "20-b.ini", "[kafka]\npartitions = 3\n")
    write(tmp_path / "conf.d" / "20-b.txt", "[kafka]\npartitions = 99\n")
    settings = load(main, {"PANOPTES_KAFKA_PARTITIONS": "4"})
    kafka = settings.kafka
    assert (kafka.partitions, kafka.replication_factor, kafka.min_insync_replicas) == (4, 3, 2)
    assert settings.web.base_port == 2


def test_the_file_is_the_given_one_else_that_of_the_environment_else_the_one_here(tmp_path):
    given_file = write(tmp_path / "given" / "x.ini", "[kafka]\npartitions = 1\n")
    named = write(tmp_path / "named" / "y.ini", "[kafka]\npartitions = 2\n")
    write(tmp_path / "panoptes.ini", "[kafka]\npartitions = 3\n")
    environ = {"PANOPTES_CONFIG": str(named)}
    assert load(given_file, environ).kafka.partitions == 1
    assert load(None, environ).kafka.partitions == 2
    assert load(None, {}).kafka.partitions == 3


def test_a_named_file_that_is_not_there_is_a_fault(tmp_path):
    (fault,) = faults(None, {"PANOPTES_CONFIG": str(tmp_path / "nowhere.ini")})
    assert "nowhere.ini: expected a file that can be read: No such file" in fault


def test_every_fault_is_named_at_once_with_file_line_section_key_and_what_was_expected(tmp_path):
    main = write(
        tmp_path / "panoptes.ini",
        "[kafka]\npartitions = eight\npartitons = 3\nsession_timeout_s = 5x\nsession_timeout_s = 6\n"
        "[snpm]\ntimeout_s = 1\n[polling:a b]\nplugin = snmp\ninterval_s = 0\n"
        "[discovery:x]\ninterval_s = 1\n[web]\nnonsense\n",
    )
    extra = write(
        tmp_path / "conf.d" / "a.ini",
        "stray = 1\n[polling:interfaces]\nplugin = snmp\nfilter = resource_site =\n    'fra1' and\n",
    )
    told = faults(main, {"PANOPTES_SNMP_RETRIES": "many", "PANOPTES_SNMP_RETRYS": "1"})
    for expected in (
        f"{main}:2: [kafka] partitions: expected a whole number, at least 1, at most 10000, found 'eight'",
        f"{main}:3: [kafka] partitons: expected a setting of this section; did you mean partitions?",
        f"{main}:5: [kafka] session_timeout_s: expected once, also on line 4",
        f"{main}:5: [kafka] session_timeout_s: {HEARTBEAT}",
        f"{main}:8: [polling:a b]: expected a name of letters, digits, _ and -, at most 64",
        f"{main}:10: [polling:a b] interval_s: expected at least 1 second, found '0'",
        f"{main}:11: [discovery:x] plugin: expected a text that is not empty, found nothing",
        f"{main}:14: [web]: expected `key = value`",
        f"{extra}:1: expected a [section] first",
        (
            "environment PANOPTES_SNMP_RETRIES: [snmp] retries: "
            "expected a whole number, at least 0, at most 10, found 'many'"
        ),
        "environment PANOPTES_SNMP_RETRYS: expected a setting's name; did you mean PANOPTES_SNMP_RETRIES?",
    ):
        assert expected in told
    assert any(line.startswith(f"{main}:6: [snpm]: expected one of panoptes, kafka") for line in told)
    assert any(line.endswith("did you mean snmp?") for line in told)
    (of_filter,) = [line for line in told if "[polling:interfaces] filter" in line]
    assert of_filter.startswith(f"{extra}:4: ")
    assert of_filter.endswith("\n    resource_site = 'fra1' and\n                              ^")
    assert len(told) == 13


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("heartbeat_interval_s = 5", HEARTBEAT, id="heartbeat"),
        pytest.param("min_insync_replicas = 2", "min_insync_replicas no larger than replication_factor", id="insync"),
        pytest.param("security_protocol = SASL_SSL", "sasl_username and sasl_password", id="sasl"),
        pytest.param(f"ssl_key_file = {__file__}", "ssl_certificate_file with ssl_key_file", id="key-alone"),
        pytest.param("bootstrap_servers = a:1, b:x", "host:port, separated by commas", id="port"),
        pytest.param("bootstrap_servers = a:70000", "host:port, separated by commas", id="port-too-large"),
        pytest.param("bootstrap_servers =", "host:port, separated by commas", id="no-broker"),
        pytest.param("security_protocol = TLS", "one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", id="protocol"),
        pytest.param("sasl_mechanism = OAUTHBEARER", "oauth_token_url with OAUTHBEARER", id="no-token-url"),
        pytest.param(
            "oauth_token_url = http://idp/token", "https://host/path (http only on loopback)", id="plain-tokens"
        ),
        pytest.param("oauth_token_url = https://u:p@idp/token", "without user and password", id="user-in-token-url"),
        pytest.param("ssl_ca_file = /no/such/file", "a file that is there, found '/no/such/file'", id="file"),
    ],
)
def test_what_does_not_fit_together_is_a_fault(tmp_path, text, fault):
    (told,) = faults(write(tmp_path / "panoptes.ini", f"[kafka]\n{text}\n"))
    assert fault in told
    assert told.startswith(f"{tmp_path / 'panoptes.ini'}:")


@pytest.mark.parametrize("hosts", ["a", "a:1", "a.b-c:9092, [::1]:9093", "10.0.0.1:1,10.0.0.2:2"])
def test_brokers_and_zookeepers_are_lists_of_hosts(hosts):
    settings = load(None, {"PANOPTES_KAFKA_BOOTSTRAP_SERVERS": hosts, "PANOPTES_ZOOKEEPER_HOSTS": hosts})
    assert settings.kafka.bootstrap_servers == settings.zookeeper.hosts == hosts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "[kafka]\npartitions = abc\nmin_insync_replicas = 3\nheartbeat_interval_s = 9\n",
            [
                ":2: [kafka] partitions: expected a whole number, at least 1, at most 10000, found 'abc'",
                ":3: [kafka] min_insync_replicas: expected min_insync_replicas no larger than replication_factor",
                f":4: [kafka] heartbeat_interval_s: {HEARTBEAT}",
            ],
            id="a-wrong-setting-and-two-pairs",
        ),
        pytest.param(
            "[kafka]\nheartbeat_interval_s = 9\nmin_insync_replicas = 3\nsecurity_protocol = SASL_SSL\n",
            [
                f":2: [kafka] heartbeat_interval_s: {HEARTBEAT}",
                ":3: [kafka] min_insync_replicas: expected min_insync_replicas no larger than replication_factor",
                ":4: [kafka] security_protocol: expected sasl_username and sasl_password with ",
            ],
            id="three-pairs",
        ),
        pytest.param(
            "[kafka]\nreplication_factor = x\nmin_insync_replicas = 2\n",
            [":2: [kafka] replication_factor: expected a whole number, at least 1, at most 100, found 'x'"],
            id="no-pair-is-judged-by-the-default-of-a-wrong-setting",
        ),
        pytest.param(
            "[kafka]\nsession_timeout_s = 5\n",
            [f":2: [kafka] session_timeout_s: {HEARTBEAT}"],
            id="a-pair-is-told-where-one-of-it-was-written",
        ),
        pytest.param(
            "[polling:x]\ninterval_s = 0\nfilter = site =\nenabled = perhaps\n",
            [
                ":1: [polling:x] plugin: expected a text that is not empty, found nothing",
                ":2: [polling:x] interval_s: expected at least 1 second, found '0'",
                ":3: [polling:x] filter: ",
                ":4: [polling:x] enabled: expected true or false, found 'perhaps'",
            ],
            id="plugin-section",
        ),
    ],
)
def test_no_fault_hides_another_of_its_section(tmp_path, text, expected):
    path = write(tmp_path / "panoptes.ini", text)
    told = sorted(faults(path))
    assert len(told) == len(expected)
    assert all(line.startswith(f"{path}{start}") for line, start in zip(told, expected, strict=True))


@pytest.mark.parametrize(
    ("section", "text", "fault"),
    [
        pytest.param("panoptes", "state_dir =", "state_dir: expected a text that is not empty", id="no-state"),
        pytest.param("redis", "refresh_s = 1000d", "refresh_s: expected a duration", id="never-again"),
        pytest.param("redis", "url = unix://", "url: expected redis://", id="no-socket"),
        pytest.param("web", "host =", "host: expected a text that is not empty", id="no-host"),
        pytest.param("scheduling", "progress_timeout_s = inf", "progress_timeout_s: expected a duration", id="no-end"),
        pytest.param("scheduling", "loop_timeout_s = 1e9", "loop_timeout_s: expected a duration", id="no-watch"),
        pytest.param("snmp", "packets_per_s = inf", "packets_per_s: expected a number, at least 1", id="infinite"),
        pytest.param("snmp", "packets_per_s = nan", "packets_per_s: expected a number, at least 1", id="no-number"),
        pytest.param("snmp", "packets_per_s = 1e-9", "packets_per_s: expected a number, at least 1", id="standstill"),
        pytest.param("snmp", "row_set_age_s = inf", "row_set_age_s: expected a duration", id="rows-for-ever"),
        pytest.param("snmp", "retry_share = inf", "retry_share: expected a number", id="retry-storm"),
        pytest.param("snmp", "timeout_s = nan", "timeout_s: expected a duration", id="no-time"),
        pytest.param(
            "snmp",
            "receive_buffer_bytes = 4294967296",
            "expected a whole number, at least 65536, at most 1073741824",
            id="no-c-int",
        ),
        pytest.param(
            "snmp", "response_bytes_max = 500", "response_bytes no larger than response_bytes_max", id="responses"
        ),
        pytest.param("snmp", "probe_max_s = 10", "probe_first_s no larger than probe_max_s", id="probes"),
        pytest.param("gauges", "line_rate_margin = nan", "line_rate_margin: expected a number", id="no-margin"),
    ],
)
def test_what_cannot_work_is_a_fault(tmp_path, section, text, fault):
    path = write(tmp_path / "panoptes.ini", f"[{section}]\n{text}\n")
    (told,) = faults(path)
    assert told.startswith(f"{path}:2: [{section}] ")
    assert fault in told


def test_blanks_around_the_engine_of_a_device_mean_nothing(tmp_path):
    path = write(tmp_path / "panoptes.ini", "[snmp]\nengines = fra1 = native, fra1/sw1= pysnmp\n")
    assert limits_of(load(path, {}).snmp).engines == {"fra1": Engine.NATIVE, "fra1/sw1": Engine.PYSNMP}


@pytest.mark.parametrize("line", ["engine = gufo", "engines = fra1=native, fra1/sw1 = gufo"])
def test_an_engine_of_earlier_versions_is_a_fault_that_says_what_to_do(tmp_path, line):
    path = write(tmp_path / "panoptes.ini", f"[snmp]\n{line}\n")
    (told,) = faults(path)
    assert told.startswith(f"{path}:2: [snmp] ")
    assert "the gufo engine is gone: remove the line, the native engine serves every version" in told


@pytest.mark.parametrize(("one", "other"), [("a-b", "a_b"), ("A", "a")])
def test_sections_that_variables_cannot_tell_apart_are_a_fault(tmp_path, one, other):
    path = write(tmp_path / "x.ini", f"[polling:{one}]\nplugin = snmp\n[polling:{other}]\nplugin = snmp\n")
    (told,) = faults(path)
    assert told.startswith(f"{path}:3: [polling:{other}]: expected another name")
    assert f"[polling:{one}] ({path}:1), PANOPTES_POLLING_{one.upper().replace('-', '_')}_..." in told


def test_a_section_that_only_differs_in_a_fault_does_not_hide_those_of_others(tmp_path):
    told = faults(write(tmp_path / "x.ini", "[kafka]\nmin_insync_replicas = 2\n[web]\nbase_port = x\n"))
    assert len(told) == 2


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"PANOPTES_KAFKA_SASL_PASSWORD": "hunter2", "PANOPTES_KAFKA_PARTITIONS": "x"}, id="password"),
        pytest.param({"PANOPTES_REDIS_URL": "redis://u:hunter2@host:port/0"}, id="redis-port"),
        pytest.param({"PANOPTES_REDIS_URL": "redis://u:hunter2/x@host/0"}, id="redis-slash-in-password"),
        pytest.param({"PANOPTES_REDIS_URL": "http://u:hunter2@host"}, id="redis-scheme"),
        pytest.param({"PANOPTES_REDIS_URL": "redis://u:hunter2@[::1"}, id="redis-bracket"),
        pytest.param({"PANOPTES_REGISTRY_URL": "http://u:hunter2@host"}, id="registry-user"),
        pytest.param({"PANOPTES_REGISTRY_URL": "http://u:hunter2@[host"}, id="registry-bracket"),
    ],
)
def test_no_fault_shows_a_secret(environ):
    told = "\n".join(faults(None, environ))
    assert "hunter2" not in told
    assert "expected" in told


def test_no_text_of_the_settings_shows_a_secret():
    settings = load(None, {"PANOPTES_REDIS_URL": "redis://u:hunter2@host/0", "PANOPTES_REGISTRY_PASSWORD": "hunter2"})
    for text in (repr(settings), str(settings), f"{settings.redis.url}", settings.model_dump_json()):
        assert "hunter2" not in text
    assert settings.registry.password.reveal() == "hunter2"


def test_a_plugin_section_has_its_settings_and_passes_everything_else_on(tmp_path):
    path = write(
        tmp_path / "panoptes.ini",
        "[polling:ping]\nplugin = ping\ninterval_s = 5m\nfilter = resource_class = 'network'\nCount = 3\n"
        "message = a = b; c # d\n[polling:off]\nplugin = x\nenabled = no\n",
    )
    settings = load(path, {"PANOPTES_POLLING_PING_SIZE": "56", "PANOPTES_POLLING_PING_INTERVAL_S": "30s"})
    (ping,) = settings.plugins(Kind.POLLING)
    assert (ping.title, ping.plugin, ping.interval_s) == ("polling:ping", "ping", 30)
    assert ping.options == {"count": "3", "message": "a = b; c # d", "size": "56"}
    assert ping.where["count"] == f"{path}:5"
    assert [section.name for section in settings.plugin_sections if not section.enabled] == ["off"]


def test_built_in_sections_hold_for_just_the_kinds_that_have_none(tmp_path):
    settings = load(write(tmp_path / "panoptes.ini", "[polling:mine]\nplugin = snmp\n"), {})
    assert [section.name for section in settings.plugins(Kind.POLLING)] == ["mine"]
    assert [section.name for section in settings.plugins(Kind.DISCOVERY)] == ["devices"]


def test_a_variable_goes_to_the_setting_it_names_even_where_sections_share_a_prefix(tmp_path):
    path = write(tmp_path / "x.ini", "[polling:max]\nplugin = a\n[polling:max-fast]\nplugin = b\n")
    settings = load(path, {"PANOPTES_POLLING_MAX_POLLS_IN_FLIGHT": "7", "PANOPTES_POLLING_MAX_FAST_PLUGIN": "c"})
    assert settings.polling.max_polls_in_flight == 7
    assert {section.name: section.plugin for section in settings.plugins(Kind.POLLING)} == {
        "max": "a",
        "max-fast": "c",
    }


def test_folders_of_profiles_reach_the_plugins_that_read_profiles(tmp_path):
    path = write(
        tmp_path / "x.ini",
        "[profiles]\ndirectories = /a, /b\n[polling:one]\nplugin = snmp\n[polling:two]\nplugin = snmp\nprofiles = /c\n"
        "[polling:three]\nplugin = ping\n",
    )
    settings = load(path, {})
    options = {section.title: section.options.get("profiles") for section in settings.plugin_sections}
    assert options == {
        "discovery:devices": None,
        "enrichment:device": "/a:/b",
        "enrichment:interfaces": "/a:/b",
        "enrichment:neighbours": "/a:/b",
        "polling:one": "/a:/b",
        "polling:three": None,
        "polling:two": "/c",
    }
    one = next(section for section in settings.plugin_sections if section.name == "one")
    assert one.where["profiles"] == f"{path}:2"


@pytest.mark.parametrize(
    "name",
    [
        "PANOPTES_STACK_STATE",
        "PANOPTES_HOME",
        "PANOPTES_WEB_SERVICE_HOST",
        "PANOPTES_WEB_PORT_6066_TCP_ADDR",
        "PANOPTES_WEB_SERVICE_PORT_HTTP",
        "PANOPTES_PORT",
    ],
)
def test_variables_of_others_are_left_alone(name):
    assert load(None, {name: "tcp://10.0.0.1:1"}) == Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PANOPTES_KAFKA_PARTITION", "PANOPTES_KAFKA_PARTITIONS"),
        ("PANOPTES_KAFAK_PARTITIONS", "PANOPTES_KAFKA_PARTITIONS"),
        ("PANOPTES_SNMP_TIMEOUT", "PANOPTES_SNMP_TIMEOUT_S"),
    ],
)
def test_a_misspelt_variable_is_a_fault(name, meant):
    (fault,) = faults(None, {name: "1"})
    assert fault.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60", 60),
        ("30s", 30),
        ("5m", 300),
        ("1.5h", 5400),
        ("7 d", 604_800),
        ("500ms", 0.5),
        ("1e3", "1e3"),
        ("-1s", "-1s"),
    ],
)
def test_durations_are_plain_seconds_or_have_a_unit(text, expected):
    assert seconds(text) == expected


def test_adding_a_setting_is_one_line():
    class More(Section):
        """More."""

        depth: int = setting(3, "how deep", ge=1)

    assert More().depth == 3


def test_every_setting_has_a_description():
    for name, model in SECTIONS.items():
        assert model.__doc__, name
        for key, field in model.model_fields.items():
            assert field.description, f"[{name}] {key}"


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings().kafka.partitions = 3  # type: ignore[misc]


NAMES = st.text("abcxyz_", min_size=1, max_size=6)
VALUES = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=8)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3))
def test_files_are_read_as_configparser_reads_them(tmp_path_factory, sections):
    parser = configparser.RawConfigParser(comment_prefixes=("#", ";"), empty_lines_in_values=False)
    parser.read_dict({f"polling:{name}": {"plugin": "p", **keys} for name, keys in sections.items()})
    path = tmp_path_factory.mktemp("ini") / "panoptes.ini"
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
    settings = load(path, {})
    expected = {name: {key: value for key, value in keys.items() if key != "plugin"} for name, keys in sections.items()}
    found = {section.name: dict(section.options) for section in settings.plugins(Kind.POLLING)}
    assert found == expected or not sections


@given(st.text(max_size=200))
def test_no_file_makes_anything_but_settings_or_their_faults(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("ini") / "panoptes.ini"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(SettingsError):
        assert load(path, {}).kafka == Settings().kafka
