"""Enrichment plugins for neighbours, addresses, forwarding tables and hardware inventory."""
