"""Discovery from other systems: lists behind a URL, NetBox, Nautobot."""
