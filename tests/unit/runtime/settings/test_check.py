"""A plugin's fault, or that of a file of a sink, is told like any other fault of the configuration."""

from pathlib import Path

import pytest

from pollers.plugins.base import Kind, OptionError, PluginContext
from streams.runtime.settings.check import file_problems, plugin_problems
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.plugin_sections import PluginSection, SinkSection
from tests.unit.sinks.senders.test_tls import Files, authority

SECTION = PluginSection(
    kind=Kind.POLLING,
    name="mine",
    plugin="mine",
    interval_s=60,
    options={"depth": "x"},
    where={"": "panoptes.ini:1", "depth": "panoptes.ini:4"},
)


def problems(fault: Exception | None) -> list[str]:
    def make(_kind: Kind, _name: str, _context: PluginContext) -> object:
        if fault is not None:
            raise fault
        return object()

    return plugin_problems(Settings(plugin_sections=(SECTION,)), make)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(None, [], id="good"),
        pytest.param(
            OptionError({"depth": "expected a number", "width": "expected something"}),
            [
                "panoptes.ini:4: [polling:mine] depth: expected a number",
                "panoptes.ini:1: [polling:mine] width: expected something",
            ],
            id="options",
        ),
        pytest.param(
            ZeroDivisionError("division by zero"),
            ["panoptes.ini:1: [polling:mine] plugin: 'mine' cannot be made: ZeroDivisionError: division by zero"],
            id="fault-of-the-plugin",
        ),
    ],
)
def test_each_option_is_named_with_where_it_was_written(fault, expected):
    assert problems(fault) == expected


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return authority(tmp_path_factory.mktemp("others"), "others")


def sink_problems(**options: str) -> list[str]:
    section = SinkSection(
        kind=Kind.SINK,
        name="store",
        plugin="influx",
        interval_s=0,
        options={"url": "https://h", **options},
        where={"": "panoptes.ini:1", "ca_file": "panoptes.ini:2", "key_file": "panoptes.ini:3"},
    )
    return file_problems(Settings(plugin_sections=(section, SECTION)))


def test_files_that_can_be_used_are_no_problem(files: Files, tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("abc\n")
    good = {"ca_file": files.ca, "certificate_file": files.certificate, "key_file": files.key}
    assert sink_problems(**{name: str(path) for name, path in good.items()}, bearer_token_file=str(token)) == []


def test_files_that_are_missing_or_of_another_kind_are_named(files: Files, others: Files, tmp_path: Path):
    no_pem = tmp_path / "no.pem"
    no_pem.write_bytes(b"\x30\x82\x01\x0a not in PEM")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    gone, store = tmp_path / "gone", "[sink:store]"
    assert sink_problems(ca_file=str(gone)) == [
        f"panoptes.ini:2: {store} ca_file: expected a file that can be read: No such file or directory: {gone}"
    ]
    assert sink_problems(ca_file=str(tmp_path)) == [
        f"panoptes.ini:2: {store} ca_file: expected a file that can be read: Is a directory: {tmp_path}"
    ]
    both = {"certificate_file": str(no_pem), "key_file": str(files.certificate)}
    assert sink_problems(**both) == [
        f"panoptes.ini:1: {store} certificate_file: expected certificates in PEM: {no_pem}",
        f"panoptes.ini:3: {store} key_file: expected a private key in PEM: {files.certificate}",
    ]
    other = {"certificate_file": str(files.certificate), "key_file": str(others.key)}
    assert sink_problems(**other) == [
        f"panoptes.ini:3: {store} key_file: expected the key of the certificate, without a password: {others.key}"
    ]
    [alone] = sink_problems(certificate_file=str(files.certificate))
    assert alone.startswith(f"panoptes.ini:1: {store} certificate_file: expected the key of the certificate")
    assert sink_problems(bearer_token_file=str(empty)) == [
        f"panoptes.ini:1: {store} bearer_token_file: expected a secret, found an empty file: {empty}"
    ]
