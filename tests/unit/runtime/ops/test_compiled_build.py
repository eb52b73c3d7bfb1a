"""It is told whether code is compiled, and stale machine code is never run."""

import importlib.machinery
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.errors import FatalError
from streams.cli import main
from streams.runtime.lazy import lazy_app
from streams.runtime.ops import compiled
from streams.runtime.ops.compiled import Build, build, digest_of, refuse_stale
from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.watch import Watchdog
from streams.runtime.settings.loading import load
from tests.unit.runtime.kernel_fakes import FakeWorker

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with two compiled modules, recorded as setup.py records them, and one that is not compiled."""
    record = tmp_path / compiled.RECORD
    record.parent.mkdir(parents=True)
    (tmp_path / f"{compiled.LIBRARY}{SUFFIX}").write_bytes(b"machine code")
    lines = []
    for name in ("schemas/binary", "pollers/snmp/ber"):
        source = tmp_path / f"{name}.py"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(f"# {name}\n")
        (tmp_path / f"{name}{SUFFIX}").write_bytes(b"machine code")
        lines.append(f"{digest_of(source)}  {name}.py\n")
    (tmp_path / "schemas" / "errors.py").write_text("")
    record.write_text("".join(lines))
    return tmp_path


def test_without_compiled_modules_all_is_interpreted(tmp_path: Path) -> None:
    assert build(tmp_path) == Build(0)
    assert str(build(tmp_path)) == "interpreted"


def test_what_was_compiled_from_the_sources_as_they_are_is_counted(made: Path) -> None:
    assert build(made) == Build(2)
    assert str(build(made)) == "compiled, 2 modules"
    refuse_stale(lambda: build(made))


def test_a_source_that_is_not_what_was_compiled_is_named_whatever_its_time_is(made: Path) -> None:
    (made / "pollers/snmp/ber.py").write_text("# changed\n")
    (made / f"pollers/snmp/ber{SUFFIX}").write_bytes(b"newer file, older code")
    assert build(made) == Build(2, ("pollers/snmp/ber.py",))
    with pytest.raises(FatalError, match=r"pollers/snmp/ber\.py.*`make compile`.*`make interpreted`"):
        refuse_stale(lambda: build(made))


def test_compiled_modules_without_a_record_are_stale(made: Path) -> None:
    (made / compiled.RECORD).unlink()
    assert len(build(made).stale) == 2


def test_modules_of_another_python_are_not_ours(made: Path) -> None:
    (made / f"schemas/binary{SUFFIX}").rename(made / "schemas/binary.cpython-27-x86_64-linux-gnu.so")
    assert build(made).modules == 1


def test_a_worker_does_not_start_with_stale_modules(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (made / "schemas/binary.py").write_text("# changed\n")
    monkeypatch.setattr(compiled.refuse_stale, "__defaults__", (lambda: build(made),))
    with pytest.raises(SystemExit) as ended:
        lazy_app("streams.nowhere")("app")
    assert ended.value.code == 2
    assert "schemas/binary.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("found", "said"), [(Build(0), "interpreted"), (Build(44), "compiled, 44 modules")], ids=["interpreted", "compiled"]
)
def test_version_and_metrics_tell_it(monkeypatch: pytest.MonkeyPatch, found: Build, said: str) -> None:
    monkeypatch.setattr("streams.cli.running", lambda: found)
    monkeypatch.setattr("streams.runtime.ops.metrics.running", lambda: found)
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert f"(Python {sys.version_info.major}.{sys.version_info.minor}" in result.output
    assert said in result.output
    assert f'panoptes_compiled_modules{{stage="gauges"}} {found.modules}.0' in Metrics("gauges").text().decode()


def test_config_check_says_what_compiling_would_save_and_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "running", lambda: Build(0))
    file = tmp_path / "panoptes.ini"
    file.write_text("[panoptes]\n")
    result = CliRunner().invoke(main, ["config", "check", "--config", str(file)])
    assert result.exit_code == 0, result.output
    assert "half of their CPU" in result.output
    assert "`make compile`" in result.output


def test_health_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.ops.watch.running", lambda: Build(44))
    file = tmp_path / "panoptes.ini"
    file.write_text("[panoptes]\n")
    worker = FakeWorker("gauges", load(file, {}))
    page = Watchdog(worker, is_recovered=lambda: True, is_stopping=lambda: False).pages()["/health"]
    assert page()[1]["code"] == "compiled, 44 modules"
