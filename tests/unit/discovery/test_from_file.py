"""A list of devices becomes resources; a bad entry is named with its line and the good ones are kept."""

import dataclasses
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.plugins import registry
from pollers.plugins.base import Discovery, Kind, OptionError, PluginContext
from pollers.plugins.lists import listing
from pollers.plugins.lists.from_file import FromFile
from schemas.records import LABEL_NAME

NOW_MS = 1_790_000_000_000
EXAMPLES = Path(__file__).parents[3] / "examples"


class _NoAccess:
    def open(self, device: Any, deadline_s: float) -> Any:
        raise AssertionError("discovery from a file asks no device")

    async def close(self) -> None: ...


def _context(**options: str) -> PluginContext:
    return PluginContext(
        section="lab", interval_s=60, options=options, snmp=_NoAccess(), now_ms=lambda: NOW_MS
    )  # fmt: skip


async def _discover(text: str | bytes, ending: str = "yaml", **options: str) -> Discovery:
    data = textwrap.dedent(text).encode() if isinstance(text, str) else text

    async def read(path: Path) -> bytes:
        assert path.name == f"list.{ending}"
        return data

    return await FromFile(_context(path=f"list.{ending}", **options), read).discover()


GOOD = {
    "yaml": """\
        - {site: ams1, class: network, subclass: switch, type: cisco, id: sw01, endpoint: "10.0.0.1:1161",
           labels: {rack: 7, country: no}}
        """,
    "json": """\
        [{"site": "ams1", "class": "network", "subclass": "switch", "type": "cisco", "id": "sw01",
          "endpoint": "10.0.0.1:1161", "labels": {"rack": 7, "country": "no"}}]
        """,
    "jsonl": '{"site": "ams1", "class": "network", "subclass": "switch", "type": "cisco", "id": "sw01", '
    '"endpoint": "10.0.0.1:1161", "labels": {"rack": "7", "country": "no"}}\n',
    "csv": """\
        # the lab
        site;class;subclass;type;id;endpoint;label.rack;label.country
        ams1;network;switch;cisco;sw01;10.0.0.1:1161;7;no
        """,
}


@pytest.mark.parametrize("ending", GOOD)
async def test_every_format_gives_the_same_resource(ending: str) -> None:
    found = await _discover(GOOD[ending], ending)
    assert found.problems == []
    [resource] = found.resources
    assert resource.identity == "ams1|network|switch|cisco|sw01"
    assert resource.endpoint == "10.0.0.1:1161"
    assert resource.labels == {"rack": "7", "country": "no"}
    assert resource.plugins == ("lab",)
    assert resource.first_seen_ms == resource.last_seen_ms == NOW_MS
    assert resource.ttl_s == 604_800


MORE = {
    "yaml": """\
        - {site: s, class: c, subclass: u, type: t, id: x, endpoint: h, zone: dmz-1,
           addresses: [192.0.2.1, "2001:DB8:0::1", 192.0.2.1], identifiers: {serial: 0012, sys_name: sw 1}}
        """,
    "json": """\
        [{"site": "s", "class": "c", "subclass": "u", "type": "t", "id": "x", "endpoint": "h", "zone": "dmz-1",
          "addresses": ["192.0.2.1", "2001:db8::1"], "identifiers": {"serial": "0012", "sys_name": "sw 1"}}]
        """,
    "csv": """\
        site;class;subclass;type;id;endpoint;zone;addresses;identifier.serial;identifier.sys_name
        s;c;u;t;x;h;dmz-1;192.0.2.1, 2001:db8::1;0012;sw 1
        """,
}


@pytest.mark.parametrize("ending", MORE)
async def test_zone_addresses_and_identifiers_are_taken_from_every_format(ending: str) -> None:
    found = await _discover(MORE[ending], ending)
    assert found.problems == []
    [resource] = found.resources
    assert resource.zone == "dmz-1"
    assert resource.addresses == ("192.0.2.1", "2001:db8::1")
    assert resource.identifiers == {"serial": "0012", "sys_name": "sw 1"}


async def test_what_an_entry_does_not_say_has_its_default() -> None:
    [resource] = (await _discover(GOOD["yaml"])).resources
    assert (resource.zone, resource.addresses, resource.identifiers) == ("", (), {})


async def test_a_list_of_the_reference_system_is_read_as_it_is() -> None:
    found = await _discover(
        """\
        [{"resource_plugin": "dev", "resource_site": "local", "resource_class": "network",
          "resource_subclass": "switch", "resource_type": "arista", "resource_id": "s1",
          "resource_endpoint": "127.0.0.1", "resource_metadata": {"pod": "3"}}]
        """,
        "json",
    )
    assert found.problems == []
    assert found.resources[0].identity == "local|network|switch|arista|s1"
    assert found.resources[0].labels == {"pod": "3"}


async def test_the_section_may_say_what_holds_for_all() -> None:
    options: Mapping[str, str] = {"site": "ams1", "class": "network", "subclass": "switch", "type": "x", "ttl_s": "60"}
    found = await _discover("- {id: a, endpoint: h}\n- {id: b, endpoint: h, site: fra2, ttl_s: 7}\n", **options)
    assert [(r.site, r.resource_id, r.ttl_s) for r in found.resources] == [("ams1", "a", 60), ("fra2", "b", 7)]


PARTS = "site: s, class: c, subclass: u, type: t"
JSON_PARTS = '"site": "s", "class": "c", "subclass": "u", "type": "t"'


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        pytest.param(f"{{{PARTS}, id: x}}", "endpoint is missing", id="no-endpoint"),
        pytest.param(f"{{{PARTS}, id: '', endpoint: h}}", "id is missing", id="empty-id"),
        pytest.param(f"{{{PARTS}, id: 'a|b', endpoint: h}}", "id 'a|b' holds a '|'", id="separator-in-a-part"),
        pytest.param(f'{{{PARTS}, id: "a\\tb", endpoint: h}}', "control character", id="tab-in-a-part"),
        pytest.param(f"{{{PARTS}, id: x, endpiont: h}}", "field 'endpiont' is unknown", id="misspelt-field"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, labels: {{1st: a}}}}", "label '1st'", id="label-with-a-digit-first"
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, labels: {{a-b: a}}}}", "label 'a-b'", id="label-with-a-dash"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, labels: {{a: [b]}}}}", "label a: expected text", id="label-is-a-list"
        ),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, labels: a}}", "labels: expected names and values", id="labels-no-map"
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, zone: a.b}}", "zone: expected letters", id="zone-with-a-dot"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, zone: [a]}}", "zone: expected letters", id="zone-is-a-list"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, zone: {'a' * 33}}}", "32 at most", id="zone-too-long"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, addresses: [10.0.0.256]}}", "found '10.0.0.256'", id="no-address"
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, addresses: [[a]]}}", "addresses: expected", id="address-nested"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, addresses: {{a: b}}}}", "expected a list", id="addresses-a-map"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, identifiers: {{mac: a}}}}", "identifier 'mac' is unknown", id="identifier"
        ),
        pytest.param(
            f'{{{PARTS}, id: x, endpoint: h, identifiers: {{serial: "a\tb"}}}}', r"holds '\t'", id="tab-in-a-serial"
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, ttl_s: -1}}", "ttl_s '-1'", id="negative-ttl"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: h, ttl_s: {2**31}}}",
            "ttl_s '2147483648': expected whole seconds from 1 to 2147483647",
            id="ttl-too-long",
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: h, ttl_s: {'9' * 5_000}}}", "from 1 to", id="ttl-of-5000-digits"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: 'h:{'9' * 5_000}'}}", "expected a port", id="port-of-5000-digits"),
        pytest.param(
            f'{{{PARTS}, id: x, endpoint: "[fe80::1%\\uD800]"}}', "control character", id="half-a-pair-in-an-address"
        ),
        pytest.param(
            f'{{{PARTS}, id: x, endpoint: h, labels: {{a: "\\uD800"}}}}',
            "label a holds '\\ud800', which is no printable character",
            id="half-a-pair-in-a-label",
        ),
        pytest.param(
            f'{{{PARTS}, id: x, endpoint: h, labels: {{a: "b\\nc"}}}}',
            "label a holds '\\n', which is no printable character",
            id="line-end-in-a-label",
        ),
        pytest.param(f"{{{PARTS}, id: x, endpoint: 'h:99999'}}", "expected a port", id="port-too-large"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: 'h:'}}", "expected a port", id="no-port-behind-the-colon"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: '2001:db8::1'}}", "write [2001:db8::1]", id="v6-without-brackets"),
        pytest.param(f"{{{PARTS}, id: x, endpoint: 10.0.0.256}}", "neither an address nor a host name", id="octet-256"),
        pytest.param(
            f"{{{PARTS}, id: x, endpoint: 'a b'}}", "neither an address nor a host name", id="space-in-a-host"
        ),
        pytest.param(f"{{{PARTS}, id: x, id: y, endpoint: h}}", "field 'id' stands there twice", id="field-twice"),
        pytest.param(f"{{{PARTS}, id: x, resource_id: y, endpoint: h}}", "id is said twice", id="field-twice-by-alias"),
        pytest.param("just text", "expected fields like", id="no-mapping"),
        pytest.param(
            f"&a {{{PARTS}, id: x, endpoint: h, labels: {{a: *a}}}}", "label a: expected text", id="alias-in-a-circle"
        ),
    ],
)
async def test_a_bad_entry_is_named_with_its_line_and_the_good_ones_are_kept(entry: str, said: str) -> None:
    good = "- {%s, id: %s, endpoint: 'h:161'}\n"
    found = await _discover(good % (PARTS, "first") + f"- {entry}\n" + good % (PARTS, "last"))
    assert [resource.resource_id for resource in found.resources] == ["first", "last"]
    [problem] = found.problems
    assert problem.startswith("list.yaml:2: ")
    assert said in problem


async def test_spaces_and_joiners_of_other_scripts_are_text() -> None:
    found = await _discover(
        f"- {{{PARTS}, id: x, endpoint: h, labels: {{room: Salle\u00a07, city: \u0645\u200c\u0646}}}}"
    )
    assert found.problems == []
    assert found.resources[0].labels == {"room": "Salle\u00a07", "city": "\u0645\u200c\u0646"}


@pytest.mark.parametrize(
    "endpoint", ["h", "sw01.example.net:161", "10.0.0.1", "10.0.0.1:1161", "[2001:db8::1]", "[2001:db8::1]:1161"]
)
async def test_every_form_of_endpoint_is_taken(endpoint: str) -> None:
    found = await _discover(f"- {{{PARTS}, id: x, endpoint: '{endpoint}'}}")
    assert [resource.endpoint for resource in found.resources] == [endpoint]


async def test_a_duplicate_is_reported_and_the_first_kept() -> None:
    found = await _discover(f"- {{{PARTS}, id: x, endpoint: a}}\n\n- {{{PARTS}, id: x, endpoint: b}}\n")
    assert [resource.endpoint for resource in found.resources] == ["a"]
    assert found.problems == ["list.yaml:3: s|c|u|t|x stands on line 1 already, which was kept"]


@pytest.mark.parametrize(
    ("ending", "text", "ids", "problem"),
    [
        pytest.param(
            "json",
            '[{"id": "a"},\n {"id": "b"},\n {"id" "c"}]',
            [],
            "list.json:3: not JSON: Expecting ':' delimiter; nothing of the file was read",
            id="json-broken-in-the-third",
        ),
        pytest.param(
            "json",
            '[{"id": "a"}\n {"id": "b"}]',
            [],
            "list.json:2: not JSON: expected ',' or ']'",
            id="json-no-comma",
        ),
        pytest.param(
            "json",
            '[{"id": "a"},\n {"id": "b", "labels": {"x": "1", "x": "2"}},\n {"id": "c"}]',
            ["a", "c"],
            "list.json:2: field 'x' stands there twice",
            id="json-field-twice-in-the-second",
        ),
        pytest.param(
            "json",
            '[{"id": "a"}]\n{"id": "b"}',
            [],
            """list.json:2: '{"id": "b"}' stands after the list""",
            id="json-text-after-the-list",
        ),
        pytest.param(
            "json",
            '{"devices": [{"id": "a"}],\n"id": "b"}',
            [],
            "list.json:1: expected a } after the list, found ',\\n\"id",
            id="json-text-after-the-wrapped-list",
        ),
        pytest.param(
            "json",
            '{"devices": [{"id": "a"}]}\n garbage',
            [],
            "list.json:2: 'garbage' stands after the list",
            id="json-text-after-the-wrapper",
        ),
        pytest.param(
            "jsonl",
            '{"id": "a"}\n{"id" "b"}\n{"id": "c"}',
            ["a", "c"],
            "list.jsonl:2: not JSON: Expecting ':' delimiter; mend it, it was not read",
            id="jsonl-broken-in-the-second",
        ),
        pytest.param(
            "jsonl",
            '{"id": "a"}\n{"id": "b"\n{"id": "c"}',
            ["a", "c"],
            "list.jsonl:2: not JSON: Expecting ',' delimiter; mend it, it was not read",
            id="jsonl-never-closed",
        ),
        pytest.param(
            "jsonl",
            '{"id": "a"}\n{\n  "id": "b"\n  "x": "y"\n}\n\n{\n  "id": "c"\n}',
            ["a", "c"],
            "list.jsonl:4: not JSON: Expecting ',' delimiter; mend it, it was not read",
            id="jsonl-broken-over-several-lines",
        ),
        pytest.param(
            "jsonl",
            '{"id": "a"} and more\n{"id": "b"}',
            ["a", "b"],
            "list.jsonl:1: not JSON: Expecting value; mend it, it was not read",
            id="jsonl-text-behind-an-object",
        ),
        pytest.param(
            "jsonl",
            '{"id": "a"}\n{"id": "b", "id": "b"}\n{"id": "c"}',
            ["a", "c"],
            "list.jsonl:2: field 'id' stands there twice",
            id="jsonl-field-twice-in-the-second",
        ),
        pytest.param(
            "jsonl",
            '{"a":' * 100_000 + '\n{"id": "b"}',
            ["b"],
            "list.jsonl:1: nested too deeply; mend it, it was not read",
            id="jsonl-too-deep",
        ),
        pytest.param("json", '[{"id": "a"}', [], "list.json:1: not JSON: expected ',' or ']'", id="json-cut-short"),
        pytest.param("json", '[{"id": "a", "id": "b"}]', [], "list.json:1: field 'id' stands", id="json-field-twice"),
        pytest.param("json", "[" * 100_000, [], "list.json:1: nested too deeply", id="json-too-deep"),
        pytest.param("json", '[\n"a"]', [], "list.json:2: expected an object", id="json-not-an-object"),
        pytest.param("json", '[{"id": true}]', [], "list.json:1: id: expected text, found True", id="json-boolean"),
        pytest.param("json", '{"devices": [{"id": "a"}]}', ["a"], None, id="json-wrapped"),
        pytest.param("jsonl", '{"id": "a"}\n{"id": "b"}\n', ["a", "b"], None, id="json-lines"),
        pytest.param("yaml", "devices:\n- id: a\n- id: b\n", ["a", "b"], None, id="yaml-wrapped"),
        pytest.param("yaml", "- id: a\n- id: [b\n", [], "list.yaml:2: not YAML", id="yaml-broken"),
        pytest.param(
            "yaml",
            "devices:\n  - id: a\n  - id: b\n  \tttl_s: 5\n  - id: c\n",
            [],
            "list.yaml:4: not YAML: found character '\\t' that cannot start any token; nothing of the file was read",
            id="yaml-tab",
        ),
        pytest.param(
            "yaml",
            "# the lab\n- {id: a}\n- {id: 'b}\n- {id: c}\n",
            [],
            "list.yaml:3: not YAML: found unexpected end of stream",
            id="yaml-stray-quote",
        ),
        pytest.param(
            "yaml",
            "---\n- id: a\n---\ndevices:\n  - id: b\n...\n",
            [],
            "list.yaml:3: not YAML: but found another document",
            id="yaml-two-documents",
        ),
        pytest.param(
            "yaml", "- id: a\n- id: \x07\n- id: c\n", [], "list.yaml:2: not YAML: the character", id="yaml-bell"
        ),
        pytest.param(
            "yaml", '- id: a\n- id: "\\UFFFFFFFF"\n', [], "list.yaml:1: not YAML", id="yaml-character-out-of-range"
        ),
        pytest.param("yaml", f"%YAML {'1' * 5_000}.1\n---\n- id: a\n", [], "list.yaml:1: not YAML", id="yaml-version"),
        pytest.param(
            "yaml",
            "lab\n- id: a\n",
            [],
            "list.yaml:2: not YAML",
            id="yaml-text-before-the-list",
        ),
        pytest.param(
            "yaml",
            "- id: a\n- ? [id]\n  : b\n",
            ["a"],
            "list.yaml:2: field '(a list or a mapping)'",
            id="yaml-name-is-a-list",
        ),
        pytest.param("yaml", "id: a\n", [], "list.yaml:1: expected a list", id="yaml-no-list"),
        pytest.param("yaml", "- id: \x00a\n", [], "list.yaml:1: not YAML", id="yaml-null-byte"),
        pytest.param("yaml", "[" * 100_000, [], "list.yaml:1: not YAML", id="yaml-too-deep"),
        pytest.param("yaml", "", [], None, id="yaml-empty"),
        pytest.param("csv", "", [], None, id="csv-empty"),
        pytest.param("csv", "id\na\n\nb\n", ["a", "b"], None, id="csv-with-a-blank-line"),
        pytest.param(
            "csv", "id,ttl_s\na,5\nb\nc,6\n", ["a", "c"], "list.csv:3: expected 2 columns", id="csv-short-row"
        ),
        pytest.param("csv", 'id\na\n"b\nc\n', ["a"], "list.csv:3: not CSV", id="csv-open-quote"),
        pytest.param("csv", "id,id\na,b\n", [], "list.csv:1: column 'id' stands there twice", id="csv-column-twice"),
        pytest.param(
            "csv", '# x\nid,label.a\na,"1\n2"\nb,\nc|,\n', ["a", "b"], "list.csv:6: id 'c|'", id="csv-line-counts"
        ),
    ],
)
async def test_damage_is_said_with_its_line_and_costs_the_entry_or_where_those_cannot_be_told_apart_the_file(
    ending: str, text: str, ids: list[str], problem: str | None
) -> None:
    async def read(_path: Path) -> bytes:
        return text.encode()

    parts = {"site": "s", "class": "c", "subclass": "u", "type": "t"}
    plugin = FromFile(_context(path=f"list.{ending}", **parts), read)
    found = await plugin.discover()
    missing_endpoint = [line for line in found.problems if "endpoint is missing" in line]
    assert len(missing_endpoint) == len(ids)  # the entries were read; that they lack an endpoint is said as well
    others = [line for line in found.problems if line not in missing_endpoint]
    assert [line.startswith(str(problem)) for line in others] == [True] * (problem is not None)


@pytest.mark.parametrize(
    ("ending", "good", "damaged"),
    [
        pytest.param("yaml", f"- {{{PARTS}, id: x, endpoint: h}}", "- {id: y}\n- [", id="yaml"),
        pytest.param("yaml", f"- {{{PARTS}, id: x, endpoint: h}}", b"- id: \xff", id="not-utf-8"),
        pytest.param("json", f'[{{{JSON_PARTS}, "id": "x", "endpoint": "h"}}]', '[{"id": "y"}', id="json"),
    ],
)
async def test_while_a_file_is_damaged_the_last_good_list_stays_in_force(
    ending: str, good: str, damaged: str | bytes
) -> None:
    content: list[str | bytes] = [good, damaged, damaged, good, "[]"]
    given = iter(content)

    async def read(_path: Path) -> bytes:
        text = next(given)
        return text.encode() if isinstance(text, str) else text

    times_ms = iter(range(1, 6))
    context = dataclasses.replace(_context(path=f"list.{ending}"), now_ms=lambda: next(times_ms))
    plugin = FromFile(context, read)
    runs = [await plugin.discover() for _ in content]
    assert [[(r.resource_id, r.last_seen_ms) for r in run.resources] for run in runs] == [
        [("x", 1)], [("x", 2)], [("x", 3)], [("x", 4)], [],
    ]  # fmt: skip
    assert [len(run.problems) for run in runs] == [0, 1, 1, 0, 0]
    assert all(run.problems[0].endswith("the last good list stays in force") for run in runs[1:3])


async def test_text_that_is_not_utf_8_is_refused_with_its_line_and_a_byte_order_mark_is_skipped() -> None:
    assert (await _discover(b"- id: a\n- id: B\xfcro\n")).problems == [
        "list.yaml:2: not UTF-8: save the file as UTF-8; nothing of the file was read"
    ]
    found = await _discover(f"\ufeff- {{{PARTS}, id: x, endpoint: h}}".encode())
    assert len(found.resources) == 1


async def test_a_file_that_is_not_there_is_a_problem_and_not_an_exception(tmp_path: Path) -> None:
    found = await FromFile(_context(path=str(tmp_path / "none.csv"))).discover()
    assert found.resources == ()
    [problem] = found.problems
    assert problem.startswith(f"{tmp_path / 'none.csv'}: No such file or directory; create it")


async def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    plugin = FromFile(_context(path=str(file), site="s", subclass="u", type="t", **{"class": "c"}))
    file.write_text("- {id: a, endpoint: h}")
    assert [r.resource_id for r in (await plugin.discover()).resources] == ["a"]
    file.write_text("- {id: b, endpoint: h}")
    assert [r.resource_id for r in (await plugin.discover()).resources] == ["b"]


@pytest.mark.parametrize("ttl_s", ["0", "-1", "1.5", "soon", str(2**31), "99999999999", "9" * 5_000])
def test_a_section_whose_ttl_no_entry_could_have_is_refused(ttl_s: str) -> None:
    with pytest.raises(OptionError) as caught:
        FromFile(_context(path="list.yaml", ttl_s=ttl_s))
    assert caught.value.problems == {"ttl_s": f"expected whole seconds from 1 to 2147483647, found {ttl_s!r}"}


async def test_the_longest_ttl_of_a_section_holds_for_its_entries() -> None:
    found = await _discover(f"- {{{PARTS}, id: x, endpoint: h}}", ttl_s="2147483647")
    assert [resource.ttl_s for resource in found.resources] == [2147483647]


def test_wrong_options_are_all_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        FromFile(_context(path="list.xls", ttl_s="soon", site="a|b", colour="red"))
    assert set(caught.value.problems) == {"format", "ttl_s", "site", "colour"}
    with pytest.raises(OptionError) as caught:
        FromFile(_context())
    assert set(caught.value.problems) == {"path"}


def test_the_plugin_is_found_by_its_entry_point() -> None:
    assert isinstance(registry.make(Kind.DISCOVERY, "from-file", _context(path="a.csv")), FromFile)


@pytest.mark.parametrize("ending", ["yaml", "json", "csv"])
async def test_the_examples_hold_the_same_devices_and_no_problem(ending: str) -> None:
    found = await FromFile(_context(path=str(EXAMPLES / f"devices.{ending}"))).discover()
    first = await FromFile(_context(path=str(EXAMPLES / "devices.yaml"))).discover()
    assert found.problems == []
    assert found.resources == first.resources
    assert len(found.resources) == 3


@given(text=st.text(), ending=st.sampled_from(sorted(listing.FORMATS)))
def test_no_text_makes_a_parser_raise(text: str, ending: str) -> None:
    listing.FORMATS[ending](text)


_LINE = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("{}[]:,\"'\\-|>&*#%?! \t\r")), max_size=12).filter(
    lambda line: "\n" not in line
)


@given(damage=_LINE)
def test_no_line_takes_other_objects_along(damage: str) -> None:
    found = listing.parse_json(f'{{"id": "a"}}\n{damage}\n{{"id": "b"}}\n{{"id": "c"}}\n')
    assert [entry.fields for entry in found.entries if entry.line != 2] == [{"id": "a"}, {"id": "b"}, {"id": "c"}]


@given(name=st.text(min_size=1, max_size=8))
async def test_a_label_name_is_taken_just_when_it_matches(name: str) -> None:
    from pollers.plugins.lists.device_list import Defaults, resources

    fields = {
        "site": "s",
        "class": "c",
        "subclass": "u",
        "type": "t",
        "id": "i",
        "endpoint": "h",
        "labels": {name: "x"},
    }
    entry = listing.Entry(1, fields)
    found = resources(listing.Listing([entry], []), "f", Defaults(plugin="p", now_ms=0, parts={}))
    assert bool(found.resources) == bool(LABEL_NAME.match(name))
