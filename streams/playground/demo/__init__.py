"""The demo: services, pipeline and simulated devices on this machine, shown or checked."""
