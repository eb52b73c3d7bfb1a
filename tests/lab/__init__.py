"""A real network on one machine: FRR, lldpd, net-snmp and iperf3 in network namespaces (docs/lab.md)."""
