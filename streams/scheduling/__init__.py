"""Pure scheduling: phases, what is due, fencing, filters."""
