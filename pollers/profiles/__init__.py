"""Device profiles: what to read from every kind of device, as data."""
