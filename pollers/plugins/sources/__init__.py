"""Discovery from what others keep: lists behind a URL, NetBox, Nautobot."""
