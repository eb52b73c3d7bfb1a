"""SNMP, device profiles and plugins: the code that talks to devices. It knows nothing of Kafka."""
