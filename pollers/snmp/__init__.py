"""SNMP: typed values, one session Protocol, and the engines that implement it."""
