"""One plugin of each kind; docs/plugins.md walks through them."""
