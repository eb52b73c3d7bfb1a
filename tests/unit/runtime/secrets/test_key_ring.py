"""What goes into Redis encrypted comes out only there, only with its key, and never half."""

import logging
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.secrets.forms import FormError
from streams.runtime.secrets.key_ring import KeyRing, KeyRingError, KeyRingFile, add_key, is_encrypted

KEY = "panoptes:secrets:snmp:fra1"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_is_encrypted_is_decrypted_to_the_very_bytes(tmp_path_factory, value, name):
    path = tmp_path_factory.mktemp("ring") / "keys"
    add_key(path, "k")
    ring = KeyRing.read(str(path))
    stored = ring.encrypt(value, KEY, name)
    assert ring.decrypt(stored, KEY, name) == value
    assert ring.encrypt(value, KEY, name) != stored, "a nonce was used twice"


def test_the_form_is_the_one_that_is_written_down(ring):
    mark, version, key_id, text = ring.encrypt(b"x", KEY).split(b":")
    assert (mark, version, key_id) == (b"panoptes-enc", b"1", b"one")
    assert len(text) == (12 + 1 + 16) * 4 // 3 + 2  # nonce, ciphertext, tag in base64 with its padding


def test_without_keys_values_are_stored_and_read_plain():
    ring = KeyRing()
    assert ring.encrypt(b"public", KEY) == b"public" == ring.decrypt(b"public", KEY)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lambda stored: stored[:-6] + b"AAAAA=", "was changed", id="changed"),
        pytest.param(lambda stored: stored[:40], "base64url", id="cut"),
        pytest.param(lambda stored: stored.replace(b":1:", b":2:"), "does not know", id="newer-form"),
        pytest.param(lambda stored: stored.replace(b":one:", b":two:"), "key two", id="unknown-key"),
        pytest.param(lambda _stored: b"panoptes-enc:", "does not know", id="nothing-in-it"),
        pytest.param(lambda _stored: b"panoptes-enc:1:one:", "base64url", id="empty"),
    ],
)
def test_what_cannot_be_decrypted_is_refused_and_the_reason_names_no_value(ring, spoil, says):
    stored = spoil(ring.encrypt(b"hunter2hunter2hunter2", KEY))
    with pytest.raises(FormError, match=says) as refused:
        ring.decrypt(stored, KEY)
    assert "hunter2" not in str(refused.value)
    assert is_encrypted(stored)


@pytest.mark.parametrize("place", [("panoptes:secrets:snmp:ams1", "*"), (KEY, "sw1"), (KEY, "")])
def test_a_value_that_was_moved_elsewhere_is_refused(ring, place):
    with pytest.raises(FormError, match="put elsewhere"):
        ring.decrypt(ring.encrypt(b"hunter2", KEY, "*"), *place)


def test_plain_values_are_refused_once_encryption_is_required(path):
    ring = KeyRing.read(str(path), required=True)
    with pytest.raises(FormError, match="panoptes secrets encrypt"):
        ring.decrypt(b"public", KEY)
    assert ring.decrypt(ring.encrypt(b"public", KEY), KEY) == b"public"


def test_a_new_key_encrypts_and_the_earlier_one_still_decrypts(path, ring):
    stored = ring.encrypt(b"public", KEY)
    add_key(path, "two")
    later = KeyRing.read(str(path))
    assert later.first == "two"
    assert later.decrypt(stored, KEY) == b"public"
    renewed = later.renewed(stored, KEY)
    assert renewed is not None
    assert renewed.startswith(b"panoptes-enc:1:two:")
    assert later.renewed(renewed, KEY) is None


def test_a_key_ring_is_made_for_its_owner_only_and_one_that_others_may_read_is_told(path, caplog):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        KeyRingFile(str(path))
    assert f"chmod 600 {path}" in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "has no key", id="empty"),
        pytest.param("# nothing\n", "has no key", id="a-comment"),
        pytest.param("one AAAA\n", "line 1: expected a key of 32 bytes, not 3", id="short"),
        pytest.param("# a\none !!\n", "line 2: expected the key in base64url", id="no-base64"),
        pytest.param("a:b AAAA\n", "line 1: expected an id", id="an-id-with-a-colon"),
        pytest.param("ä AAAA\n", "it is no text", id="no-ascii"),
    ],
)
def test_a_bad_key_ring_is_named_with_its_line(tmp_path, text, says):
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KeyRingError, match=says):
        KeyRing.read(str(path))


def test_a_key_ring_that_is_not_there_is_named(tmp_path):
    with pytest.raises(KeyRingError, match="cannot be read: No such file"):
        KeyRingFile(str(tmp_path / "nowhere"))


def test_an_id_is_used_once(path):
    with pytest.raises(KeyRingError, match="already"):
        add_key(path, "one")
    path.write_text(path.read_text(encoding="ascii") * 2, encoding="ascii")
    with pytest.raises(KeyRingError, match="there twice"):
        KeyRing.read(str(path))


def test_a_changed_file_is_read_again_and_a_bad_change_leaves_the_last_good_one(path, caplog):
    file = KeyRingFile(str(path))
    assert file.current().first == "one"
    add_key(path, "two")
    assert file.current().first == "two"
    path.write_text("nonsense", encoding="ascii")
    assert file.current().first == "two"
    assert file.current().first == "two"
    assert caplog.text.count("the changed key ring is not used") == 1
    path.unlink()
    assert file.current().first == "two"
