"""The kernel and every stage on it, against a broker of its own and a clock that costs no time; see world.py."""
