"""Converts the settings to Faust's options."""

from typing import Any

import faust

from streams.runtime.kafka.client import ssl_context
from streams.runtime.kafka.tokens import ClientCredentials
from streams.runtime.ops.json_lines import LOGGING
from streams.runtime.settings.loading import KafkaSettings, Settings


def faust_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments for a Faust app: the traps of design.md §4 closed."""
    kafka = settings.kafka
    servers = [server.strip() for server in kafka.bootstrap_servers.split(",")]
    json_lines = {"logging_config": LOGGING} if settings.panoptes.log_format == "json" else {}
    return {
        **json_lines,
        "broker": [f"kafka://{server}" for server in servers],
        "broker_credentials": _credentials(kafka),
        "broker_session_timeout": kafka.session_timeout_s,
        "broker_heartbeat_interval": kafka.heartbeat_interval_s,
        "broker_request_timeout": max(kafka.request_timeout_s, kafka.session_timeout_s * 3),
        "broker_commit_interval": 1.0,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": 16 * 2**20,
        # at a time: the rest of a fetch stays packed with Kafka's client, a paused partition gets no more than these
        "broker_max_poll_records": 1_000,
        "producer_acks": -1,
        "producer_max_request_size": 16 * 2**20,
        "producer_compression_type": "zstd",
        "producer_linger": 0.005,
        "topic_partitions": kafka.partitions,
        "topic_replication_factor": kafka.replication_factor,
        "topic_disable_leader": True,
        "topic_allow_declare": False,  # they are there before it starts, and a stage's user need not be allowed to
        "table_standby_replicas": 0,
        "store": "memory://",
        "stream_wait_empty": False,
        "stream_buffer_maxsize": 4096,
        "cython_optimizations": True,  # take what is in the buffer without waiting for it
        "worker_redirect_stdouts": False,
        "web_cors_options": None,
        "web_router_enabled": False,
        "web_tables_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
    }


def _credentials(kafka: KafkaSettings) -> Any:
    protocol = kafka.security_protocol
    if kafka.sasl_mechanism == "OAUTHBEARER" and protocol.startswith("SASL"):
        trusting = ssl_context(kafka) if protocol.endswith("SSL") else None
        return faust.OAuthCredentials(oauth_cb=ClientCredentials(kafka), ssl_context=trusting)
    if protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.sasl_password.reveal(),
            mechanism=kafka.sasl_mechanism,
            ssl_context=ssl_context(kafka) if protocol.endswith("SSL") else None,
        )
    return faust.SSLCredentials(ssl_context(kafka)) if protocol == "SSL" else None
