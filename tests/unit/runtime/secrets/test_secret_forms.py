"""Credentials are written down in documented forms, and what is wrong with one is said without showing it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pollers.snmp.credentials import AuthProtocol, Community, PrivProtocol, Secret, UsmUser, Version
from streams.runtime.secrets.forms import (
    FormError,
    check,
    community_key,
    credentials_key,
    read_credentials,
    write_credentials,
)


def test_the_keys_are_the_documented_ones():
    assert community_key("fra1") == "panoptes:secrets:snmp_community_string:fra1"
    assert credentials_key("fra1") == "panoptes:secrets:snmp:fra1"


def test_a_list_may_hold_communities_and_users():
    text = """[
        {"community": "public"},
        {"community": "old", "version": "1"},
        {"user": "bob", "auth_protocol": "sha256", "auth_key": "authauth", "priv_protocol": "aes128",
         "priv_key": "privpriv", "context": "vlan-3"}
    ]"""
    assert read_credentials(text) == [
        Community(community=Secret("public")),
        Community(community=Secret("old"), version=Version.V1),
        UsmUser(
            name="bob",
            auth_protocol=AuthProtocol.SHA256,
            auth_key=Secret("authauth"),
            priv_protocol=PrivProtocol.AES128,
            priv_key=Secret("privpriv"),
            context="vlan-3",
        ),
    ]


def test_one_object_stands_for_a_list_of_one():
    assert read_credentials('{"user": "bob"}') == [UsmUser(name="bob")]


def test_a_community_keeps_the_bytes_that_are_no_utf8():
    community = Community(community=Secret(b"caf\xe9".decode(errors="surrogateescape")))
    (read,) = read_credentials(write_credentials([community]))
    assert read == community
    assert community.community.octets() == b"caf\xe9"


HUNTER = "hunter2hunter2"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        pytest.param({}, "community that is not empty", id="nothing"),
        pytest.param(HUNTER, "an object", id="text"),
        pytest.param({"community": 3}, "community to be a string", id="number"),
        pytest.param({"community": HUNTER, "version": "3"}, "version to be one of 1, 2c", id="version"),
        pytest.param({"community": HUNTER, "x": HUNTER}, "no fields but community, version", id="unknown-field"),
        pytest.param({"community": "hunter2\ud800"}, "community of bytes or UTF-8", id="half-a-character"),
        pytest.param({"user": "hunter2\udce9"}, "user in UTF-8", id="user-not-utf8"),
        pytest.param({"user": "b", "context": "hunter2\udce9"}, "context in UTF-8", id="context-not-utf8"),
        pytest.param(
            {"user": "b", "auth_protocol": "md5", "auth_key": HUNTER + "\udce9"}, "auth_key in UTF-8", id="key-not-utf8"
        ),
        pytest.param({"user": ""}, "user that is not empty", id="no-user"),
        pytest.param({"user": "b", "auth_key": HUNTER}, "auth_protocol with auth_key", id="no-protocol"),
        pytest.param({"user": "b", "auth_protocol": "sha256"}, "auth_key of at least 8", id="no-key"),
        pytest.param({"user": "b", "auth_protocol": "md5", "auth_key": "hunter2"}, "at least 8", id="short"),
        pytest.param({"user": "b", "auth_protocol": HUNTER}, "auth_protocol to be one of none, md5", id="protocol"),
        pytest.param({"user": "b", "priv_protocol": "des", "priv_key": HUNTER}, "auth_protocol with", id="priv-alone"),
    ],
)
def test_what_is_no_credential_is_named_by_what_was_expected(entry, says):
    with pytest.raises(FormError) as caught:
        read_credentials(json.dumps([entry]))
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", ["", "hunter2", '{"community": "hunter2"', "[[]]", "null", "3"])
def test_what_is_no_json_of_credentials_is_refused(text):
    with pytest.raises(FormError) as caught:
        read_credentials(text)
    assert "hunter2" not in str(caught.value)


KEYS = st.text(min_size=8, max_size=12).map(Secret)
COMMUNITIES = st.builds(Community, community=st.text(min_size=1).map(Secret), version=st.sampled_from(Version))
USERS = st.builds(
    UsmUser,
    name=st.text(min_size=1),
    auth_protocol=st.sampled_from(list(AuthProtocol)[1:]),
    auth_key=KEYS,
    priv_protocol=st.sampled_from(list(PrivProtocol)[1:]),
    priv_key=KEYS,
    context=st.text(),
)


@given(st.lists(st.one_of(COMMUNITIES, USERS), min_size=1, max_size=4))
@example([UsmUser(name="none", context="none")])
def test_what_is_written_is_read_again(credentials):
    assert read_credentials(write_credentials(credentials)) == credentials
    for credential in credentials:
        check(credential)


def test_a_secret_never_shows_itself():
    secret = Secret("hunter2")
    user = UsmUser(name="bob", auth_protocol=AuthProtocol.MD5, auth_key=secret)
    for text in (repr(secret), str(secret), f"{secret:>20}", repr(user), str(user), f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "hunter2" not in text
    with pytest.raises(TypeError, match="not pickled"):
        secret.__reduce__()


def test_secrets_are_equal_by_their_text():
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("a") != "a"
