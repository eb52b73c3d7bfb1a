"""BER: what is written can be read, the fast decoder agrees with the strict one, and nonsense is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.snmp.codec import ber
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.columns import decode_known
from pollers.snmp.values import Type
from tests.unit.snmp import scripted
from tests.unit.snmp.mutations import run

ARC = st.integers(0, 2**32 - 1)
OIDS = st.builds(
    lambda first, second, rest: ".".join(map(str, [first, second if first == 2 else second % 40, *rest])),
    st.integers(0, 2),
    st.integers(0, 2**31),
    st.lists(ARC, max_size=20),
)


@settings(deadline=None)
@given(OIDS)
def test_an_oid_survives_the_wire(oid: str) -> None:
    assert ber.decode_oid(ber.encode_oid(oid)) == oid
    assert ber.encode_oid(oid)[:1] != b"\x80"


@settings(deadline=None)
@given(st.lists(ARC, min_size=1, max_size=20))
def test_a_row_survives_the_wire(arcs: list[int]) -> None:
    row = ".".join(map(str, arcs))
    assert ber.dotted(ber.encode_oid(f"1.3.{row}")[1:]) == row


@pytest.mark.parametrize(
    "text", ["", "1", "a.b", "3.1", "1.40", "1.3.-1", f"1.3.{2**32}", "1.3." + ".".join("1" * 200)]
)
def test_what_is_no_oid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ber.encode_oid(text)


@pytest.mark.parametrize(
    "contents",
    [b"", b"\x2b\x80\x01", b"\x2b\x81", b"\x2b" + b"\xff" * 6 + b"\x01"],
    ids=["empty", "padded", "cut-off", "too-wide"],
)
def test_a_damaged_oid_is_refused(contents: bytes) -> None:
    with pytest.raises(DamagedResponse):
        ber.decode_oid(contents)


@settings(deadline=None)
@given(st.integers(-(2**31), 2**31 - 1))
def test_integers_survive_the_wire(value: int) -> None:
    tag, start, end = ber.element(data := ber.integer(value), 0, len(data))
    assert ber.decode_value(tag, data[start:end]) == (Type.INTEGER, value)


WIRE_VALUES = [
    pytest.param(0x41, b"\x00\xff\xff\xff\xff", Type.COUNTER32, 2**32 - 1, id="counter32-with-its-zero"),
    pytest.param(0x41, b"\xff\xff\xff\xff", Type.COUNTER32, 2**32 - 1, id="counter32-without-it"),
    pytest.param(0x46, b"\x00" + b"\xff" * 8, Type.COUNTER64, 2**64 - 1, id="counter64-above-2^63"),
    pytest.param(0x46, b"\xff" * 8, Type.COUNTER64, 2**64 - 1, id="counter64-without-its-zero"),
    pytest.param(0x41, bytes(7) + b"\x05", Type.COUNTER32, 5, id="counter32-padded-with-zeros"),
    pytest.param(0x02, bytes(5) + b"\x05", Type.INTEGER, 5, id="integer-padded-with-zeros"),
    pytest.param(0x42, b"\x80", Type.GAUGE32, 128, id="gauge32-is-never-negative"),
    pytest.param(0x02, b"\xff", Type.INTEGER, -1, id="integer-may-be"),
    pytest.param(0x44, b"\x9f\x78\x04\x42\x28\x00\x00", Type.OPAQUE_FLOAT, 42.0, id="opaque-float"),
    pytest.param(0x44, b"\x9f\x79\x08\x40\x45\x00\x00\x00\x00\x00\x00", Type.OPAQUE_DOUBLE, 42.0, id="opaque-double"),
    pytest.param(0x44, b"\x9f\x78\x04\x42", Type.OPAQUE, b"\x9f\x78\x04\x42", id="opaque-of-something-else"),
    pytest.param(0x40, b"\x0a\x00\x00\x01", Type.IP_ADDRESS, b"\x0a\x00\x00\x01", id="ip-address"),
    pytest.param(0x04, b"", Type.OCTET_STRING, b"", id="empty-string"),
    pytest.param(0x82, b"", Type.END_OF_MIB_VIEW, None, id="end-of-mib-view"),
]


@pytest.mark.parametrize(("tag", "raw", "kind", "data"), WIRE_VALUES)
def test_a_value_keeps_its_type(tag: int, raw: bytes, kind: Type, data: object) -> None:
    assert ber.decode_value(tag, raw) == (kind, data)
    assert ber.decode_column([tag] * 3, [raw] * 3) == (bytes([kind] * 3), [data] * 3)


@pytest.mark.parametrize(
    ("tag", "raw"),
    [
        (0x41, b""),
        (0x41, b"\x01" * 5),
        (0x46, b"\x01" * 9),
        (0x02, b"\x01" + bytes(4)),
        (0x40, bytes(3)),
        (0x82, b"\x00"),
        (0x47, b"\x05"),
        (0x78, bytes(4)),
        (0xFF, b""),
    ],
)
def test_contents_that_a_type_cannot_have_are_refused(tag: int, raw: bytes) -> None:
    with pytest.raises(DamagedResponse):
        ber.decode_value(tag, raw)
    with pytest.raises(DamagedResponse):
        ber.decode_column([tag], [raw])


BEFORE = bytes(range(0xF0, 0x100))  # what stands before a value must not be taken for a part of it


@given(st.sampled_from(sorted(ber.KNOWN_TAGS)), st.binary(max_size=10), st.binary(max_size=9))
def test_a_cell_is_the_value_or_its_contents(tag: int, raw: bytes, behind: bytes) -> None:
    start = len(BEFORE)
    read = ber.cell(BEFORE + raw + behind, tag, start, start + len(raw))
    assert read == raw or ber.decode_value(tag, raw) == (tag, read)


@pytest.mark.parametrize(("tag", "raw", "kind", "data"), WIRE_VALUES)
def test_a_known_column_is_what_its_values_are(tag: int, raw: bytes, kind: Type, data: object) -> None:
    cells = [ber.cell(BEFORE + raw, tag, len(BEFORE), len(BEFORE + raw)), raw]
    assert decode_known(tag, cells) == (bytes([kind] * 2), [data] * 2, "")


@pytest.mark.parametrize(
    ("tag", "raw", "number"),
    [
        (0x02, b"\x80", -128),
        (0x02, b"\x7f\xff\xff\xff", 2**31 - 1),
        (0x02, b"\x80\x00\x00\x00", -(2**31)),
        (0x41, b"\x00\x80\x00\x00\x00", 2**31),
        (0x43, b"\xff", 255),
        (0x46, b"\x7f" + b"\xff" * 7, 2**63 - 1),
    ],
)
def test_numbers_as_agents_write_them_take_no_closer_look(tag: int, raw: bytes, number: int) -> None:
    assert ber.cell(BEFORE + raw, tag, len(BEFORE), len(BEFORE + raw)) == number


VARIABLES = st.lists(
    st.tuples(
        st.lists(ARC, max_size=6).map(lambda rest: (1, 3, *rest)),
        st.sampled_from([*sorted(ber.KNOWN_TAGS), 0x47, 0x83]),
        st.one_of(st.binary(max_size=12), st.binary(min_size=100, max_size=300)),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(VARIABLES)
def test_the_fast_decoder_reads_what_the_strict_one_reads(variables: list[tuple[tuple[int, ...], int, bytes]]) -> None:
    data = b"".join(scripted.variable(name, (tag, raw)) for name, tag, raw in variables)
    fast, strict = ber.fast_varbinds(data, 0, len(data)), ber.strict_varbinds(data, 0, len(data))
    assert (fast.oids, fast.tags, fast.raws) == (strict.oids, strict.tags, strict.raws)
    assert fast.oids == [scripted.oid_contents(name) for name, _, _ in variables]
    assert fast.raws == [raw for _, _, raw in variables]


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_the_fast_decoder_refuses_what_the_strict_one_refuses(data: bytes) -> None:
    try:
        strict = ber.strict_varbinds(data, 0, len(data))
    except DamagedResponse:
        with pytest.raises(DamagedResponse):
            ber.fast_varbinds(data, 0, len(data))
        return
    fast = ber.fast_varbinds(data, 0, len(data))
    assert (fast.oids, fast.tags, fast.raws) == (strict.oids, strict.tags, strict.raws)


def test_mutated_responses_give_no_wrong_value() -> None:
    """The short form of `python -m tests.unit.snmp.mutations 1000000`."""
    outcomes = run(6_000, seed=7)
    assert sum(outcomes.values()) == 6_000
    assert outcomes["taken"] > 100
    assert outcomes["damaged"] > 1000
