"""Sub-commands that show and change the inventory."""
