"""A wheel that asks more of a system than its name says is found."""

import pytest

from scripts.wheels.elf import demands, problems

SAID = """
 0x0000000000000001 (NEEDED)             Shared library: [libm.so.6]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
Version needs section '.gnu.version_r' contains 2 entries:
  0x0010:   Name: GLIBC_2.14  Flags: none  Version: 5
  0x0020:   Name: GLIBC_2.2.5  Flags: none  Version: 4
"""


def test_the_newest_version_counts_not_the_last():
    assert demands(SAID) == ({"libm.so.6", "libc.so.6"}, (2, 14))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(SAID, [], id="good"),
        pytest.param(SAID.replace("2.14", "2.34"), ["x.so: needs glibc 2.34"], id="newer-glibc"),
        pytest.param(SAID.replace("libm.so.6", "libssl.so.3"), ["x.so: needs libssl.so.3"], id="another-library"),
    ],
)
def test_what_a_library_asks_for_is_judged(changed, expected):
    assert list(problems([("x.so", changed)], (2, 17))) == expected
