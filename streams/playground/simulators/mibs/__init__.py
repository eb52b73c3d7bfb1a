"""The MIB objects of a simulated device."""
