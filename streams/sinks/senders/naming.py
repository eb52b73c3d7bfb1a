"""The option `naming`: how series are named and labelled."""

from typing import Final

from streams.sinks.naming.labels import Labels
from streams.sinks.naming.mib_names import MibLabels, MibNames
from streams.sinks.naming.names import Names
from streams.sinks.senders.options import OptionReader, SeriesOptions

SNMP_EXPORTER: Final = "snmp-exporter"
NAMING: Final = ("naming", "job")


def naming_of(reader: OptionReader, series: SeriesOptions) -> tuple[Names, Labels]:
    """Return names and labels as the options say. Faults are kept in the reader."""
    style = reader.choice("naming", ("panoptes", SNMP_EXPORTER))
    job = reader.text("job", "snmp")
    if style == SNMP_EXPORTER:
        return MibNames(), MibLabels(job, series.labels, series.external_labels)
    return Names(), Labels(series.labels, series.external_labels)
