"""Device profiles: which OIDs to read from each kind of device, as data."""
