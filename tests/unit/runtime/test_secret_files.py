"""Secrets come from settings, from files that settings name, and from what systemd hands over."""

import pytest

from streams.runtime.settings.loading import examine, load
from streams.runtime.settings.pages import show


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "password"
    path.write_text("s3cret word\n")
    return path


def test_a_secret_stands_in_a_file_that_the_configuration_names(tmp_path, secret):
    ini = tmp_path / "panoptes.ini"
    ini.write_text(f"[registry]\nusername = me\npassword_file = {secret}\n")
    settings = load(ini, {})
    assert settings.registry.password.reveal() == "s3cret word"
    assert "s3cret" not in show(settings)


def test_or_that_a_variable_names(secret):
    settings = load(None, {"PANOPTES_KAFKA_SASL_PASSWORD_FILE": str(secret)})
    assert settings.kafka.sasl_password.reveal() == "s3cret word"


def test_or_is_what_systemd_hands_over(tmp_path, secret):
    (tmp_path / "PANOPTES_REDIS_URL").write_text("redis://u:p@h/0\n")
    (tmp_path / "something-else").write_text("x")
    settings = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path), "PANOPTES_REDIS_URL": "redis://other/0"})
    assert settings.redis.url.reveal() == "redis://u:p@h/0"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"PANOPTES_WEB_TOKEN_FILE": "/none"}, "token_file: expected a file that can be read", id="gone"),
        pytest.param({"PANOPTES_WEB_TOKEN_FILE": "/", "PANOPTES_WEB_TOKEN": "x"}, "not together with token", id="both"),
        pytest.param({"PANOPTES_WEB_HOST_FILE": "/x"}, "expected a setting's name", id="no-secret"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(environ, said):
    problems = examine(None, environ).problems
    assert len(problems) == 1
    assert said in problems[0]


def test_a_rule_holds_for_what_stands_in_a_file(secret):
    environ = {"PANOPTES_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "PANOPTES_KAFKA_SASL_USERNAME": "u"}
    assert examine(None, environ).problems
    assert not examine(None, {**environ, "PANOPTES_KAFKA_SASL_PASSWORD_FILE": str(secret)}).problems
