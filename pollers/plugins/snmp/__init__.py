"""Plugins that read devices over SNMP by device profiles."""
