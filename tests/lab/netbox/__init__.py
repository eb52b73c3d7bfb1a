"""A real NetBox with the lab in it: what the plugin makes of it, and its answers recorded (`make lab-netbox`)."""
