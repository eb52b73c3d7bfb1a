"""SNMP: typed values, one session Protocol, and the engines behind it."""
