"""Who is let in: by password or by a proxy's word; what is forged, too old or tried too often is not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from streams.cli.operating.console import command
from streams.console.access import agent_guard, agent_users
from streams.console.access.agent_guard import Door
from streams.console.access.asking import is_local, target
from streams.console.access.attempts import AT_ONCE, PAUSE_S, Attempts
from streams.console.access.passwords import PasswordFileError, fits, users, with_user
from streams.console.access.sessions import COOKIE, issued, user_of
from streams.console.agent_server import application
from streams.console.models import ReadModels
from streams.runtime.settings.loading import SettingsError, load
from streams.runtime.settings.sections import ConsoleSettings
from tests.browser.records import sources

PAGE = {"Accept": "text/html"}
OURS = {"Origin": "http://testserver"}
RIGHT = {"name": "ada", "password": "correct horse"}
Opened = Callable[..., TestClient]


@pytest.fixture(scope="module")
def lines() -> str:
    return with_user("# who\n", "ada", "correct horse")


@pytest.fixture
def password_file(tmp_path: Path, lines: str) -> Path:
    (tmp_path / "users").write_text(lines)
    return tmp_path / "users"


def client_of(console: ConsoleSettings, peer: str = "192.0.2.9") -> TestClient:
    app = application(sources(ReadModels(2**16)), list, (), Door(console))
    return TestClient(app, follow_redirects=False, client=(peer, 5000))


@pytest.fixture
def client(password_file: Path) -> Iterator[TestClient]:
    with client_of(ConsoleSettings(auth="basic", password_file=str(password_file))) as client:
        yield client


def test_a_browser_is_sent_to_the_log_in_page_and_back_to_where_it_wanted(client):
    sent = client.get("/api/v1/links?page=1", headers=PAGE)
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fapi%2Fv1%2Flinks%3Fpage%3D1")
    form = client.get(sent.headers["location"])
    assert 'value="/api/v1/links?page=1"' in form.text
    entered = client.post("/login", data={**RIGHT, "next": "/api/v1/links?page=1"}, headers=OURS)
    assert (entered.status_code, entered.headers["location"]) == (303, "/api/v1/links?page=1")
    cookie = entered.headers["set-cookie"].lower()
    assert all(each in cookie for each in ("httponly", "samesite=lax", "max-age=43200", "path=/"))
    assert client.get("/api/v1/links").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/links", "/metrics", "/api/v1/events", "/nowhere"])
def test_nothing_is_shown_to_who_has_not_logged_in(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="panoptes"')
    assert client.get("/health").status_code == 200


def test_programs_send_the_password_each_time_and_it_is_hashed_once(client, monkeypatch):
    assert client.get("/api/v1/links", auth=("ada", "correct horse")).status_code == 200
    monkeypatch.setattr(agent_users, "fits", lambda *_: pytest.fail("it was right before"))
    assert client.get("/api/v1/links", auth=("ada", "correct horse")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no-origin"),
        pytest.param({"Origin": "http://evil.example"}, id="another-page"),
        pytest.param({"Origin": "null"}, id="a-sandbox"),
        pytest.param({"Sec-Fetch-Site": "cross-site", **OURS}, id="as-the-browser-says"),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_form_of_another_page_is_refused(client, headers, path):
    client.cookies.set(COOKIE, "x.1.y")
    answer = client.post(path, data=RIGHT, headers=headers)
    assert answer.status_code in {401, 403}
    assert "set-cookie" not in answer.headers


def test_who_logs_out_is_out(client):
    client.post("/login", data=RIGHT, headers=OURS)
    assert client.post("/logout", headers=OURS).headers["location"] == "/login"
    assert client.get("/api/v1/links").status_code == 401


def test_a_wrong_password_says_so_and_too_many_are_refused_even_where_the_next_is_right(client, monkeypatch):
    monkeypatch.setattr(agent_users, "fits", lambda _hashed, typed: typed == "correct horse")
    told = [client.post("/login", data={**RIGHT, "password": "x"}, headers=OURS) for _ in range(AT_ONCE)]
    assert {each.status_code for each in told} == {401}
    assert "wrong name or password" in told[0].text
    after = client.post("/login", data=RIGHT, headers=OURS)
    assert (after.status_code, "too many attempts" in after.text) == (429, True)
    assert 0 < int(after.headers["retry-after"]) <= PAUSE_S
    assert client.get("/api/v1/links", auth=("ada", "correct horse")).status_code == 429


def test_attempts_come_back_with_time_and_of_each_address_alone():
    attempts = Attempts()
    assert [attempts.wait_s("a", 0.0) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert attempts.wait_s("a", 0.0) == PAUSE_S
    assert attempts.wait_s("b", 0.0) == 0.0
    assert attempts.wait_s("a", PAUSE_S) == 0.0
    assert attempts.wait_s("a", PAUSE_S) > 0.0


def test_a_form_without_end_is_refused(client):
    assert client.post("/login", data={"name": "x" * 20_000}, headers=OURS).status_code == 413


def test_a_new_password_ends_the_sessions_of_the_old_one(client, password_file, monkeypatch):
    client.post("/login", data=RIGHT, headers=OURS)
    monkeypatch.setattr(agent_users, "READ_EVERY_S", 0.0)
    password_file.write_text("half a li")
    assert client.get("/api/v1/links").status_code == 200  # damaged: those who were known stay
    password_file.write_text(with_user("", "ada", "another"))
    assert client.get("/api/v1/links").status_code == 401


KEY = b"k" * 32


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param("", id="none"),
        pytest.param("YWRh.2000", id="no-signature"),
        pytest.param(issued("ada", "hash", 2000, b"other"), id="of-another-key"),
        pytest.param(issued("ada", "hash", 1000, KEY), id="that-has-ended"),
        pytest.param(issued("ada", "hash", 2000, KEY).replace("2000", "9000"), id="made-longer"),
        pytest.param(issued("eve", "hash", 2000, KEY), id="of-a-user-who-has-gone"),
        pytest.param("%%%.2000.x", id="no-base64"),
        pytest.param("_w==.2000.é", id="no-utf-8"),
        pytest.param("a" * 5000, id="without-end"),
    ],
)
def test_a_session_that_is_not_ours_is_none(cookie):
    assert user_of(issued("ada", "hash", 2000, KEY), {"ada": "hash"}, 1999, KEY) == "ada"
    assert user_of(cookie, {"ada": "hash"}, 1000, KEY) is None


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        pytest.param("10.1.2.3", {"X-Remote-User": "ada"}, 200, id="by-the-proxy"),
        pytest.param("10.1.2.3", {}, 401, id="the-proxy-names-nobody"),
        pytest.param("192.0.2.9", {"X-Remote-User": "ada"}, 403, id="by-anybody"),
        pytest.param("192.0.2.9", {"X-Remote-User": "ada", "X-Forwarded-For": "10.1.2.3"}, 403, id="forged"),
        pytest.param("no address", {"X-Remote-User": "ada"}, 403, id="no-address"),
    ],
)
def test_a_users_name_is_believed_of_the_trusted_networks_alone(peer, headers, status):
    with client_of(ConsoleSettings(auth="header", trusted_networks=("10.0.0.0/8", "::1/128")), peer) as client:
        assert client.get("/api/v1/links", headers=headers).status_code == status


def test_behind_a_proxy_attempts_count_by_whom_it_names_and_cookies_are_kept_to_tls(password_file, monkeypatch):
    monkeypatch.setattr(agent_users, "fits", lambda _hashed, typed: typed == "correct horse")
    console = ConsoleSettings(auth="basic", password_file=str(password_file), trusted_networks=("10.0.0.0/8",))
    with client_of(console, "10.0.0.1") as client:
        for _ in range(AT_ONCE + 1):
            last = client.post("/login", data={"name": "ada"}, headers={**OURS, "X-Forwarded-For": "192.0.2.66"})
        assert last.status_code == 429
        forwarded = {**OURS, "X-Forwarded-For": "192.0.2.66, 192.0.2.7", "X-Forwarded-Proto": "https"}
        assert "secure" in client.post("/login", data=RIGHT, headers=forwarded).headers["set-cookie"].lower()


def test_without_log_in_a_name_that_somebody_points_at_us_is_refused():
    with client_of(ConsoleSettings(), "127.0.0.1") as client:
        assert client.get("/api/v1/links", headers={"Host": "localhost:6060"}).status_code == 200
        assert client.get("/api/v1/links", headers={"Host": "rebound.example"}).status_code == 403
    with client_of(ConsoleSettings(host="0.0.0.0", open_to_all=True)) as client:
        assert client.get("/api/v1/links", headers={"Host": "console.example"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1:1", True), ("[::1]:1", True), ("x", False), ("[", False), ("", False)]
)
def test_this_machines_names(host, expected):
    assert is_local(host) is expected


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "http://evil.example", "", "/a\r\nb"])
def test_after_log_in_nobody_is_sent_elsewhere(wanted):
    assert target(wanted) == "/"
    assert target("/device?id=a|b") == "/device?id=a|b"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({"HOST": "192.0.2.1"}, "open_to_all", id="everybody-is-not-let-in-by-mistake"),
        pytest.param({"HOST": "::"}, "open_to_all", id="all-addresses"),
        pytest.param({"AUTH": "basic"}, "password_file", id="passwords-without-a-file"),
        pytest.param({"AUTH": "header"}, "trusted_networks", id="a-header-of-anybody"),
        pytest.param({"AUTH": "header", "TRUSTED_NETWORKS": "10.0.0.1/8"}, "192.0.2.0/24", id="no-network"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(environ, words):
    with pytest.raises(SettingsError, match=words):
        load(None, {f"PANOPTES_CONSOLE_{name}": value for name, value in environ.items()})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("ada:secret", "line 1: expected a hash", id="a-plain-password"),
        pytest.param("\nad a:x", "line 2: expected a name", id="no-name"),
        pytest.param("{0}{0}", "line 2: ada stands there twice", id="twice"),
    ],
)
def test_a_bad_line_of_the_file_is_named_and_never_shown(lines, text, words):
    with pytest.raises(PasswordFileError, match=words) as refused:
        users(text.replace("{0}", lines.removeprefix("# who\n")))
    assert "secret" not in str(refused.value)
    assert "argon2id$" not in str(refused.value)


def test_the_command_makes_a_file_that_only_its_owner_reads_and_replaces_a_password(tmp_path):
    path = tmp_path / "users"
    for name, typed in (("ada", "one"), ("bob", "two"), ("ada", "three")):
        done = CliRunner().invoke(command, ["password", name, "--file", str(path)], input=f"{typed}\n")
        assert done.exit_code == 0, done.output
    assert path.stat().st_mode & 0o777 == 0o600
    known = users(path.read_text())
    assert sorted(known) == ["ada", "bob"]
    assert (fits(known["ada"], "three"), fits(known["ada"], "one"), fits(None, "one")) == (True, False, False)
    refused = CliRunner().invoke(command, ["password", "a b", "--file", str(path)], input="x\n")
    assert (refused.exit_code, "expected a name" in refused.output) == (1, True)


def test_a_console_without_users_says_so(tmp_path):
    (tmp_path / "users").write_text("# nobody yet\n")
    for name in ("users", "nowhere"):
        with pytest.raises(PasswordFileError, match=name):
            agent_guard.Door(ConsoleSettings(auth="basic", password_file=str(tmp_path / name)))
