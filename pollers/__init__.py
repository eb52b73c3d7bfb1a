"""Everything that knows devices: SNMP, device profiles and plugins. It knows nothing of Kafka."""
