"""A real snmp_exporter beside VictoriaMetrics, which scrapes it: what dashboards made for it are fed by."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.contract.sinks.stores import Store, free_port, require, running

#: IF-MIB, RFC 2863: counters of ifTable and ifXTable
COUNTERS: Final = {
    "ifInErrors": "1.3.6.1.2.1.2.2.1.14",
    "ifOutErrors": "1.3.6.1.2.1.2.2.1.20",
    "ifInDiscards": "1.3.6.1.2.1.2.2.1.13",
    "ifOutDiscards": "1.3.6.1.2.1.2.2.1.19",
    "ifHCInOctets": "1.3.6.1.2.1.31.1.1.1.6",
    "ifHCInUcastPkts": "1.3.6.1.2.1.31.1.1.1.7",
    "ifHCInMulticastPkts": "1.3.6.1.2.1.31.1.1.1.8",
    "ifHCInBroadcastPkts": "1.3.6.1.2.1.31.1.1.1.9",
    "ifHCOutOctets": "1.3.6.1.2.1.31.1.1.1.10",
    "ifHCOutUcastPkts": "1.3.6.1.2.1.31.1.1.1.11",
    "ifHCOutMulticastPkts": "1.3.6.1.2.1.31.1.1.1.12",
    "ifHCOutBroadcastPkts": "1.3.6.1.2.1.31.1.1.1.13",
}
#: the labels that its module if_mib looks up
LOOKED_UP: Final = {
    "ifAlias": "1.3.6.1.2.1.31.1.1.1.18",
    "ifDescr": "1.3.6.1.2.1.2.2.1.2",
    "ifName": "1.3.6.1.2.1.31.1.1.1.1",
}


def module(community: str) -> dict[str, Any]:
    """Return the module as its configuration of 0.21 has it."""
    lookups = [
        {"labels": ["ifIndex"], "labelname": name, "oid": oid, "type": "DisplayString"}
        for name, oid in LOOKED_UP.items()
    ]
    metrics = [
        {
            "name": name,
            "oid": oid,
            "type": "counter",
            "help": name,
            "indexes": [{"labelname": "ifIndex", "type": "gauge"}],
            "lookups": lookups,
        }
        for name, oid in COUNTERS.items()
    ]
    walk = ["1.3.6.1.2.1.2.2", "1.3.6.1.2.1.31.1.1"]
    return {"if_mib": {"walk": walk, "metrics": metrics, "version": 2, "auth": {"community": community}}}


@contextmanager
def snmp_exporter(folder: Path, community: str) -> Iterator[int]:
    """Give the port of an exporter."""
    program, port = require("prometheus-snmp-exporter", "prometheus-snmp-exporter"), free_port()
    file = folder / "snmp.yml"
    file.write_text(json.dumps(module(community)))  # what is JSON is YAML
    command = [program, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
    with running(command, folder, f"http://127.0.0.1:{port}/metrics"):
        yield port


@contextmanager
def scraping_store(folder: Path, exporter: int, target: str, interval_s: int) -> Iterator[Store]:
    """Give VictoriaMetrics that has the exporter ask the target."""
    program, port = require("victoria-metrics", "victoria-metrics"), free_port()
    scrapes = {
        "global": {"scrape_interval": f"{interval_s}s", "scrape_timeout": f"{interval_s}s"},
        "scrape_configs": [
            {
                "job_name": "snmp_exporter",
                "metrics_path": "/snmp",
                "params": {"module": ["if_mib"], "target": [target]},
                "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}],
                "relabel_configs": [{"target_label": "instance", "replacement": target}],
            }
        ],
    }
    (folder / "scrapes.yml").write_text(json.dumps(scrapes))
    command = [
        *(program, f"-storageDataPath={folder / 'data'}", f"-httpListenAddr=127.0.0.1:{port}"),
        *("-search.latencyOffset=0s", "-memory.allowedBytes=256MB", f"-promscrape.config={folder / 'scrapes.yml'}"),
    ]
    with running(command, folder, f"http://127.0.0.1:{port}/health") as store:
        yield store
