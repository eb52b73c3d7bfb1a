"""What an earlier release has written can be read, or the check says what cannot, and where."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas import compat
from schemas.codec import canonical_text
from streams.cli.topics import schemas as cli


def schema(**changes: object) -> str:
    fields = {
        "a": {"name": "a", "type": "string"},
        "b": {"name": "b", "type": "int"},
        "e": {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"]}},
    }
    for name, field in changes.items():
        if field is None:
            del fields[name]
        else:
            fields[name] = {"name": name, **field}  # type: ignore[dict-item]
    return json.dumps({"type": "record", "name": "R", "namespace": "n", "fields": list(fields.values())})


@pytest.mark.parametrize(
    ("reader", "says"),
    [
        pytest.param(schema(), None, id="the-same"),
        pytest.param(schema(c={"type": "int", "default": 0}), None, id="new-field-with-default"),
        pytest.param(schema(c={"type": "int"}), "reader field missing default value", id="new-field-without-default"),
        pytest.param(schema(b={"type": "long"}), None, id="int-to-long"),
        pytest.param(schema(b={"type": "string"}), "type mismatch at", id="int-to-string"),
        pytest.param(schema(b=None), None, id="field-gone"),
        pytest.param(schema(b={"type": ["null", "int"]}), None, id="int-to-union"),
        pytest.param(
            schema(e={"type": {"type": "enum", "name": "E", "symbols": ["X"]}}),
            "missing enum symbols",
            id="symbol-gone",
        ),
        pytest.param(
            schema(e={"type": {"type": "enum", "name": "E", "symbols": ["X"], "default": "X"}}),
            None,
            id="symbol-gone-with-default",
        ),
    ],
)
def test_each_change_is_compatible_or_named(reader, says):
    problems = compat.incompatibilities(reader=reader, writer=schema())
    assert (problems == []) if says is None else (len(problems) == 1 and says in problems[0])


@pytest.fixture
def avro_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "avro"
    folder.mkdir()
    for path in compat.AVRO.glob("*.avsc"):
        shutil.copy(path, folder)
    return folder


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_todays_schemas_read_what_every_release_has_written():
    assert list(compat.broken()) == []


def test_every_released_version_is_checked_not_only_the_last(avro_dir):
    released = avro_dir / "released"
    compat.release("0.9.0", avro_dir, released)
    rewrite(
        avro_dir / "tick.avsc",
        '"name": "leader", "type": "string"',
        '"name": "leader", "type": "string", "default": ""',
    )
    compat.release("0.10.0", avro_dir, released)
    assert compat.versions(released) == ["0.9.0", "0.10.0"]
    rewrite(avro_dir / "tick.avsc", '"name": "epoch", "type": "long"', '"name": "epoch", "type": "string"')
    (avro_dir / "gauge.avsc").unlink()
    found = list(compat.broken(avro_dir, released))
    assert [(one.schema, one.version) for one in found] == [
        ("gauge", "0.9.0"),
        ("tick", "0.9.0"),
        ("gauge", "0.10.0"),
        ("tick", "0.10.0"),
    ]
    assert "gauge.avsc cannot read records of 0.9.0: the schema is gone" in str(found[0])
    assert "epoch" in str(found[1]) or "/fields/4" in str(found[1])


def test_a_release_is_kept_once_and_under_a_version(avro_dir):
    folder = compat.release("1.0.0", avro_dir, avro_dir / "released")
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in avro_dir.glob("*.avsc"))
    with pytest.raises(FileExistsError):
        compat.release("1.0.0", avro_dir, avro_dir / "released")
    for version in ("../x", "1.0-rc1", "", "1..2"):
        with pytest.raises(ValueError, match="expected a version"):
            compat.release(version, avro_dir, avro_dir / "released")


def test_the_command_says_what_is_broken_and_exits_with_1(avro_dir, monkeypatch, capsys):
    compat.release("1.0.0", avro_dir, avro_dir / "released")
    rewrite(avro_dir / "tick.avsc", '"name": "epoch", "type": "long"', '"name": "epoch", "type": "string"')
    found = list(compat.broken(avro_dir, avro_dir / "released"))
    monkeypatch.setattr(compat, "broken", lambda: iter(found))
    assert compat.main() == 1
    assert "tick.avsc cannot read records of 1.0.0: type mismatch at" in capsys.readouterr().out
    result = CliRunner().invoke(cli.command, ["release", "1.0.1"])
    assert result.exit_code == 1
    assert "tick.avsc cannot read records of 1.0.0" in result.output


def test_the_command_exits_with_0_when_all_is_well():
    assert CliRunner().invoke(cli.command, ["check"]).exit_code == 0


def test_the_canonical_text_reads_what_the_source_writes():
    for path in compat.AVRO.glob("*.avsc"):
        source = path.read_text(encoding="utf-8")
        assert compat.incompatibilities(reader=canonical_text(path.stem), writer=source) == []
        assert compat.incompatibilities(reader=source, writer=canonical_text(path.stem)) == []
