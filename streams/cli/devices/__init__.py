"""Sub-commands that ask devices, or recordings of them."""
