"""The part of SNMP with sockets and clocks: transport, engines, sessions."""
