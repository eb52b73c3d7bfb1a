"""All of SNMP that uses sockets and clocks: the transport, the engines, sessions and who may have one."""
