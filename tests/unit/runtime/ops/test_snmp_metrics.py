from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import open_access
from streams.runtime.ops.metrics import Metrics
from streams.runtime.snmp import _measure


class NoCredentials:
    async def candidates(self, site, device_id):
        return ()


async def test_what_the_engine_does_stands_in_the_metrics_also_before_it_has_done_anything():
    access, metrics = open_access(Limits(), NoCredentials()), Metrics("polling")
    _measure(metrics, access)
    text = metrics.text().decode()
    assert 'panoptes_snmp_traffic_total{stage="polling",what="retries"} 0.0' in text
    assert 'panoptes_snmp_kernel_drops_total{stage="polling"} 0.0' in text
    assert 'panoptes_snmp_receive_errors_total{stage="polling"} 0.0' in text
    await access.close()
