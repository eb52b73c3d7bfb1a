"""Sub-commands that read devices, or recordings of them."""
