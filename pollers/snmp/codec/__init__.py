"""The SNMP wire format: BER, messages, SNMPv3 security; no I/O."""
