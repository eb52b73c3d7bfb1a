"""Exports links as JSON, Graphviz dot, Mermaid and GraphML."""

import json
from collections.abc import Callable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

from schemas.codec import to_avro
from schemas.records import Link, LinkEnd, LinkState

_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"
_STYLE: Final = {LinkState.UP: "solid", LinkState.ONE_SIDED: "dashed", LinkState.DOWN: "bold", LinkState.GONE: "dotted"}
_MERMAID: Final = {LinkState.UP: "---", LinkState.ONE_SIDED: "-.-", LinkState.DOWN: "-.-", LinkState.GONE: "-.-"}
#: what is told of a link in GraphML
_KEYS: Final = (
    ("node", "label", "string"), ("node", "resource", "string"), ("edge", "state", "string"),
    ("edge", "since_ms", "long"), ("edge", "source_row", "string"), ("edge", "target_row", "string"),
    ("edge", "speed_bits_per_s", "long"),
)  # fmt: skip


def node_of(end: LinkEnd) -> str:
    """Return the name of an end's device: its identity, or its own name."""
    return end.resource or end.system_name or end.chassis_id


def title_of(end: LinkEnd) -> str:
    """Return a short name for people."""
    return node_of(end).rpartition("|")[2]


def port_of(end: LinkEnd) -> str:
    return end.row or end.port_id


def as_json(links: Mapping[str, Link]) -> str:
    return json.dumps([to_avro(link) for _, link in sorted(links.items())], indent=1, ensure_ascii=False)


def _nodes(links: Mapping[str, Link]) -> dict[str, LinkEnd]:
    return dict(sorted({node_of(end): end for _, link in sorted(links.items()) for end in link.ends}.items()))


def as_dot(links: Mapping[str, Link]) -> str:
    """Format the links for Graphviz."""
    lines = ["graph topology {", "  node [shape=box];"]
    for node, end in _nodes(links).items():
        dashed = "" if end.resource else ", style=dashed"
        lines.append(f"  {_quoted(node)} [label={_quoted(title_of(end))}{dashed}];")
    for _, link in sorted(links.items()):
        one, other = link.ends
        labels = f"taillabel={_quoted(port_of(one))}, headlabel={_quoted(port_of(other))}, style={_STYLE[link.state]}"
        lines.append(f"  {_quoted(node_of(one))} -- {_quoted(node_of(other))} [{labels}];")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def as_mermaid(links: Mapping[str, Link]) -> str:
    """Format the links as a Mermaid flowchart."""
    nodes = _nodes(links)
    numbers = {node: f"n{number}" for number, node in enumerate(nodes)}
    lines = ["flowchart LR", *(f'  {numbers[node]}["{_entities(title_of(end))}"]' for node, end in nodes.items())]
    for _, link in sorted(links.items()):
        one, other = link.ends
        state = "" if link.state is LinkState.UP else f" ({link.state.replace('_', '-')})"
        label = _entities(f"{port_of(one)} - {port_of(other)}{state}")
        line = f'{numbers[node_of(one)]} {_MERMAID[link.state]}|"{label}"| {numbers[node_of(other)]}'
        lines.append(f"  {line}")
    return "\n".join(lines)


def _entities(text: str) -> str:
    """Return a text without what Mermaid would read as its own."""
    return "".join(sign if sign.isalnum() or sign in " -._/:()" else f"#{ord(sign)};" for sign in text)


def as_graphml(links: Mapping[str, Link]) -> str:
    """Format the links as GraphML; parallel links are separate edges."""
    root = ET.Element("graphml", xmlns=_GRAPHML)
    for kind, name, type_ in _KEYS:
        ET.SubElement(root, "key", {"id": name, "for": kind, "attr.name": name, "attr.type": type_})
    graph = ET.SubElement(root, "graph", edgedefault="undirected")
    for node, end in _nodes(links).items():
        element = ET.SubElement(graph, "node", id=_xml(node))
        _data(element, {"label": title_of(end), "resource": end.resource})
    for _, link in sorted(links.items()):
        one, other = link.ends
        element = ET.SubElement(graph, "edge", source=_xml(node_of(one)), target=_xml(node_of(other)))
        said = {
            "state": link.state, "since_ms": link.since_ms, "source_row": port_of(one), "target_row": port_of(other),
            "speed_bits_per_s": link.speed_bits_per_s,
        }  # fmt: skip
        _data(element, said)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _data(element: ET.Element, said: Mapping[str, object]) -> None:
    for key, value in said.items():
        if value not in (None, ""):
            ET.SubElement(element, "data", key=key).text = _xml(str(value))


def _xml(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(sign for sign in text if sign.isprintable())


EXPORTS: Final[Mapping[str, Callable[[Mapping[str, Link]], str]]] = {
    "json": as_json,
    "dot": as_dot,
    "mermaid": as_mermaid,
    "graphml": as_graphml,
}
