"""Plugins that read devices over SNMP by their profiles."""
