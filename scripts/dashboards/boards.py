"""The dashboards: what stands on each, and what can be chosen there."""

import json
from collections.abc import Mapping
from typing import Final

from scripts.dashboards.panels import DATASOURCE, Json, Panel, Query, Section, laid_out
from scripts.dashboards.words import SELECT, SELECT_ROW, name, numbers, section, states

_OUTCOME: Final = "panoptes_poll_outcome"
_OPER: Final = name("interface", "oper_state")
_PEER: Final = name("bgp_peer", "peer_state")
_IN, _OUT = name("interface", "octets_in"), name("interface", "octets_out")
_SPEED: Final = name("interface", "speed_bits_per_s")


def _stat(title: str, expr: str, unit: str = "short") -> Panel:
    return Panel(title=title, kind="stat", unit=unit, queries=(Query(expr=expr),), width=4, height=4)


def _plot(title: str, expr: str, legend: str, unit: str = "short") -> Panel:
    return Panel(title=title, unit=unit, queries=(Query(expr=expr, legend=legend),))


def _top(title: str, expr: str, unit: str) -> Panel:
    return _plot(title, f"topk(10, {expr})", "{{device}} {{row}}", unit)


def _network() -> list[Section]:
    site = 'site=~"$site"'
    peers = f'{_PEER}{{{site}, {_PEER}="established"}}'
    glance = (
        _stat("Devices", f"count(group by (site, device) (panoptes_device_info{{{site}}}))"),
        _stat("Interfaces up", f'sum({_OPER}{{{site}, {_OPER}="up"}})'),
        _stat("Interfaces down", f'sum({_OPER}{{{site}, {_OPER}="down"}})'),
        _stat("BGP sessions established", f"sum({peers})"),
        _stat("BGP sessions not established", f"sum(1 - {peers})"),
        _stat("Received", f"sum({_IN}{{{site}}}) * 8", "bps"),
    )
    errors = name("interface", "errors_in"), name("interface", "errors_out")
    discards = name("interface", "discards_in"), name("interface", "discards_out")
    busy = (
        _top("Fullest interfaces, in", f"{_IN}{{{site}}} * 8 / ({_SPEED}{{{site}}} > 0)", "percentunit"),
        _top("Fullest interfaces, out", f"{_OUT}{{{site}}} * 8 / ({_SPEED}{{{site}}} > 0)", "percentunit"),
        _top("Most errors", " + ".join(f"{each}{{{site}}}" for each in errors), "pps"),
        _top("Most discards", " + ".join(f"{each}{{{site}}}" for each in discards), "pps"),
        _plot("Traffic by site", f"sum by (site) ({_IN}{{{site}}}) * 8", "{{site}}", "bps"),
        _plot("Polls by outcome", f"sum by ({_OUTCOME}) ({_OUTCOME}{{{site}}})", f"{{{{{_OUTCOME}}}}}"),
    )
    return [Section(title="At a glance", panels=glance), Section(title="Where it is busy or broken", panels=busy)]


def _device() -> list[Section]:
    known = Query(expr=f"panoptes_device_info{{{SELECT}}}", instant=True)
    polls = (
        Panel(title="What is known of it", kind="table", queries=(known,), width=24, height=4),
        _plot("Polls", f"{_OUTCOME}{{{SELECT}}} == 1", f"{{{{row}}}} {{{{{_OUTCOME}}}}}"),
        _plot("How long polls take", f"panoptes_poll_duration_seconds{{{SELECT}}}", "{{row}}", "s"),
    )
    load = (
        numbers("cpu", "cpu_utilization", title="Processors"),
        numbers("memory", "memory_used", "memory_total", title="Memory"),
        numbers("storage", "storage_used", "storage_total", title="Volumes"),
        numbers("temperature", "temperature", title="Temperature"),
        states("power", "power_state", title="Power supplies"),
        states("fan", "fan_state", title="Fans"),
    )
    interfaces = (
        numbers("interface", "octets_in", title="Received"),
        numbers("interface", "octets_out", title="Sent"),
        states("interface", "oper_state", title="Interfaces"),
        numbers("interface", "last_change", title="Since their last change"),
    )
    return [
        Section(title="Polls", panels=polls),
        Section(title="Load and health", panels=load),
        Section(title="Interfaces", panels=interfaces),
    ]


def _interface() -> list[Section]:
    def both(metric: str, title: str) -> Panel:
        return numbers("interface", f"{metric}_in", f"{metric}_out", title=title, select=SELECT_ROW)

    share = f" * 8 / ({_SPEED}{{{SELECT_ROW}}} > 0)"
    ways = (("in", _IN), ("out", _OUT))
    full = tuple(
        Query(expr=f"{each}{{{SELECT_ROW}}}{share}", legend=f"{{{{device}}}} {{{{row}}}} {way}") for way, each in ways
    )
    known = Query(expr=f"panoptes_interface_row_info{{{SELECT_ROW}}}", instant=True)
    traffic = (
        Panel(title="What is known of it", kind="table", queries=(known,), width=24, height=4),
        both("octets", "Traffic"),
        Panel(title="Share of its speed", unit="percentunit", queries=full),
        both("unicast_packets", "Unicast packets"),
        both("multicast_packets", "Multicast packets"),
        both("broadcast_packets", "Broadcast packets"),
    )
    layer = "errors_crc", "errors_alignment", "errors_giants", "errors_mac_in", "errors_mac_out", "collisions_late"
    broken = (
        both("errors", "Errors"),
        both("discards", "Discards"),
        numbers("interface", *layer, title="On the wire", select=SELECT_ROW),
        states("interface", "oper_state", title="State", select=SELECT_ROW),
        states("interface", "admin_state", title="What it is meant to be", select=SELECT_ROW),
        numbers("interface", "speed_bits_per_s", title="Speed", select=SELECT_ROW),
    )
    return [Section(title="Traffic", panels=traffic), Section(title="Faults and states", panels=broken)]


def _pipeline() -> list[Section]:
    def grows(title: str, counter: str, by: str, unit: str = "cps") -> Panel:
        expr = f"sum by ({by}) (rate(panoptes_{counter}_total[$__rate_interval]))"
        return _plot(title, expr, " ".join(f"{{{{{each.strip()}}}}}" for each in by.split(",")), unit)

    def level(title: str, gauge: str, unit: str = "short") -> Panel:
        return _plot(title, f"panoptes_{gauge}", "{{stage}} {{instance}}", unit)

    late = "sum(rate(panoptes_poll_lateness_seconds_total[$__rate_interval]))"
    polls = "sum(rate(panoptes_slots_total[$__rate_interval]))"
    polling = (
        grows("Slots by outcome", "slots", "outcome"),
        _plot("How late a poll starts, on average", f"{late} / {polls}", "", "s"),
        level("Pressure", "poll_pressure"),
        level("Polls that run", "polls_running"),
        level("SNMP requests under way", "snmp_requests_outstanding"),
        grows("Datagrams that the kernel dropped", "snmp_kernel_drops", "instance"),
    )
    numbers_ = (
        grows("Samples by how they arrived", "samples", "arrival"),
        grows("Why rates are absent or in doubt", "gauge_words", "word"),
        grows("Gauges made", "gauges", "instance"),
        level("Memory of series", "series_bytes", "bytes"),
    )
    sinks = (
        level("Records that wait", "sink_lag_records"),
        level("How old they are", "sink_lag_seconds", "s"),
        grows("Numbers by what became of them", "sink_numbers", "became"),
        grows("What the store answers", "sink_requests", "answer"),
        grows("Bytes sent", "sink_bytes_sent", "instance", "Bps"),
        grows("CPU time of encoding", "sink_encode_seconds", "instance", "percentunit"),
    )
    workers = (
        level("Leaders", "leader"),
        level("Partitions", "partitions_owned"),
        level("Records in work", "records_in_work"),
        grows("Dead letters", "dead_letters", "stage"),
        grows("Sends to Kafka that were repeated", "send_retries", "stage"),
        grows("Time for which the event loop was blocked", "loop_blocked_seconds", "stage, instance", "percentunit"),
    )
    return [
        Section(title="Polling", panels=polling),
        Section(title="Gauges", panels=numbers_),
        Section(title="Sinks", panels=sinks),
        Section(title="Workers", panels=workers),
    ]


def _variable(label: str, of: str, where: str = "") -> Json:
    query = f"label_values({of}{{{where}}}, {label})" if where else f"label_values({of}, {label})"
    return {
        "name": label,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"selected": True, "text": "All", "value": "$__all"},
        "options": [],
    }


def _board(title: str, sections: list[Section], *variables: Json) -> Json:
    source = {"name": "datasource", "label": "store", "type": "datasource", "query": "prometheus", "refresh": 1}
    return {
        "uid": f"panoptes-{title.lower()}",
        "title": f"Panoptes: {title}",
        "tags": ["panoptes"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": [source, *variables]},
        "links": [],
        "panels": laid_out(sections),
    }


def boards() -> Mapping[str, Json]:
    """Return each dashboard by its file's name."""
    site = _variable("site", "panoptes_device_info")
    device = _variable("device", "panoptes_device_info", 'site=~"$site"')
    row = _variable("row", "panoptes_interface_row_info", SELECT)
    environment = ("environment", "temperature", "fan", "power", "humidity", "airflow", "voltage", "current", "ups")
    made = (
        _board("Network", _network(), site),
        _board("Device", _device(), site, device),
        _board("Interface", _interface(), site, device, row),
        _board("BGP", [section("bgp_peer"), section("bgp_prefix")], site, device),
        _board("Environment", [section(group) for group in environment], site, device),
        _board("Pipeline", _pipeline()),
    )
    return {f"{board['uid'].removeprefix('panoptes-')}.json": board for board in made}


def written(board: Json) -> str:
    """Return a dashboard as its file has it."""
    return json.dumps(board, indent=1, ensure_ascii=False) + "\n"
