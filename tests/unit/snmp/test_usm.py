"""SNMPv3: keys as the RFCs have them, and messages that prove themselves or are not taken."""

import dataclasses
from random import Random

import pytest

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, RESPONSE, Request, Resync, request
from pollers.snmp.codec.usm import REPORT, UsmFrame
from pollers.snmp.codec.usm_keys import decrypt, encrypt, keys_for, localized, stretched
from pollers.snmp.credentials import AuthProtocol, PrivProtocol, Secret, UsmUser
from pollers.snmp.errors import AuthRefused, DamagedResponse, SnmpError
from pollers.snmp.values import Type
from tests.unit.snmp.mutations import mutate

ENGINE = bytes.fromhex("000000000000000000000002")
RID = b"\x41\x00\x00\x01"
USER = UsmUser(
    name="reader",
    auth_protocol=AuthProtocol.SHA256,
    auth_key=Secret("correct horse"),
    priv_protocol=PrivProtocol.AES128,
    priv_key=Secret("battery staple"),
)


def test_keys_are_those_of_rfc_3414_a_3() -> None:
    md5 = stretched(Secret("maplesyrup"), "md5")
    assert md5.hex() == "9faf3283884e92834ebc9847d8edd963"
    assert localized(md5, ENGINE, "md5").hex() == "526f5eed9fcce26f8964c2930787d82b"
    sha = stretched(Secret("maplesyrup"), "sha1")
    assert sha.hex() == "9fb5cc0381497b3793528939ff788d5d79145211"
    assert localized(sha, ENGINE, "sha1").hex() == "6695febc9288e36282235fc7151f128497b38f3f"


@pytest.mark.parametrize("protocol", [p for p in PrivProtocol if p is not PrivProtocol.NONE], ids=str)
@pytest.mark.parametrize("auth", [a for a in AuthProtocol if a is not AuthProtocol.NONE], ids=str)
def test_what_is_encrypted_can_be_decrypted(protocol: PrivProtocol, auth: AuthProtocol) -> None:
    user = dataclasses.replace(USER, auth_protocol=auth, priv_protocol=protocol)
    keys = keys_for(user, ENGINE)
    plain = b"a scoped PDU of any length"
    secret = encrypt(user, keys.priv, plain, b"saltsalt", boots=3, time_s=400)
    assert plain not in secret
    assert decrypt(user, keys.priv, secret, b"saltsalt", boots=3, time_s=400).startswith(plain)


def frame(user: UsmUser = USER) -> UsmFrame:
    return UsmFrame(user, 1)


def report(number: int, engine_id: bytes = ENGINE, boots: int = 5, time_s: int = 1000) -> bytes:
    """Return an unauthenticated report with this usmStats counter."""
    name = ber.encode_oid(f"1.3.6.1.6.3.15.1.1.{number}.0")
    variable = ber.tlv(0x30, ber.tlv(6, name) + ber.tlv(Type.COUNTER32, b"\x01"))
    pdu = ber.tlv(REPORT, b"\x02\x01\x00\x02\x01\x00\x02\x01\x00" + ber.tlv(0x30, variable))
    scoped = ber.tlv(0x30, ber.tlv(4, engine_id) + ber.tlv(4, b"") + pdu)
    security = ber.tlv(4, engine_id) + ber.integer(boots) + ber.integer(time_s) + ber.tlv(4, b"") * 3
    header = b"\x02\x04" + RID + ber.integer(65507) + b"\x04\x01\x00" + ber.integer(3)
    return ber.tlv(0x30, ber.integer(3) + ber.tlv(0x30, header) + ber.tlv(4, ber.tlv(0x30, security)) + scoped)


def in_step(user: UsmUser = USER) -> tuple[UsmFrame, UsmFrame]:
    """Return our side and the device's, which know one another's engine id, boots and time."""
    ours, theirs = frame(user), frame(user)
    for side in (ours, theirs):
        with pytest.raises(Resync):
            side.answer(report(4), RID, 50.0)
    return ours, theirs


def response(theirs: UsmFrame, now_s: float = 50.0) -> bytes:
    name = ber.encode_oid("1.3.6.1.2.1.1.5.0")
    variable = ber.tlv(0x30, ber.tlv(6, name) + ber.tlv(4, b"a name"))
    tail = b"\x02\x01\x00\x02\x01\x00" + ber.tlv(0x30, variable)
    return theirs.message(Request(RESPONSE, [name], 0, 0, tail), RID, now_s)


ASKED = request(GET, [ber.encode_oid("1.3.6.1.2.1.1.5.0")])


def test_the_first_message_asks_for_the_engine_id_and_names_no_user() -> None:
    first = frame().message(ASKED, RID, 50.0)
    assert b"reader" not in first
    assert first[:2] == bytes((0x30, len(first) - 2))


def test_an_authentic_response_is_read() -> None:
    ours, theirs = in_step()
    answer = ours.answer(response(theirs), RID, 50.0)
    assert answer.varbinds().raws == [b"a name"]
    assert ours.fits


def test_no_mutated_response_is_taken() -> None:
    ours, theirs = in_step()
    good, random = response(theirs), Random(3)
    taken = 0
    for _ in range(3000):
        data = mutate(good, random)
        try:
            answer = ours.answer(data, RID, 50.0)
        except SnmpError:
            continue
        taken += 1
        assert answer.varbinds().raws == [b"a name"], data.hex()
        assert data == good
    assert taken < 100


def test_a_response_in_clear_text_is_refused_from_a_user_with_privacy() -> None:
    ours, _ = in_step()
    _, plain_speaker = in_step(dataclasses.replace(USER, priv_protocol=PrivProtocol.NONE))
    with pytest.raises(DamagedResponse, match="clear text"):
        ours.answer(response(plain_speaker), RID, 50.0)


def test_a_response_from_before_the_time_window_is_refused() -> None:
    ours, theirs = in_step()
    old = response(theirs, 50.0)
    ours.answer(response(theirs, 500.0), RID, 500.0)
    with pytest.raises(DamagedResponse, match="time window"):
        ours.answer(old, RID, 501.0)


def test_a_reboot_is_followed_by_a_report_and_one_more_try() -> None:
    ours, theirs = in_step()
    ours.answer(response(theirs), RID, 50.0)
    with pytest.raises(Resync):
        ours.answer(report(2, boots=6, time_s=3), RID, 60.0)
    with pytest.raises(Resync):
        theirs.answer(report(2, boots=6, time_s=3), RID, 60.0)
    assert ours.answer(response(theirs, 61.0), RID, 61.0).varbinds().raws == [b"a name"]


@pytest.mark.parametrize(
    ("number", "says"), [(1, "security level"), (3, "user's name"), (5, "auth key"), (6, "priv key")]
)
def test_a_refusal_says_what_to_check(number: int, says: str) -> None:
    ours, _ = in_step()
    with pytest.raises(AuthRefused, match=says):
        ours.answer(report(number), RID, 50.0)


def test_two_devices_with_one_engine_id_do_not_disturb_each_other() -> None:
    here, there = frame(), frame()
    with pytest.raises(Resync):
        here.answer(report(4, boots=5, time_s=1000), RID, 50.0)
    with pytest.raises(Resync):
        there.answer(report(4, boots=900, time_s=7), RID, 50.0)
    assert ber.integer(900) not in here.message(ASKED, RID, 51.0)


def test_nothing_shows_a_key() -> None:
    ours, _ = in_step()
    text = f"{ours!r} {ours.user!r} {ours._keys!r}"
    assert "horse" not in text
    assert "staple" not in text
    assert ours._keys.auth.hex() not in text
