"""SNMP as bytes: BER, messages, SNMPv3's security; no I/O."""
