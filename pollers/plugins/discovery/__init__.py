"""Discovery plugins that look for devices: by addresses, and along neighbours."""
