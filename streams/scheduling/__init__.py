"""Pure scheduling: phases, due polls, fencing, filters."""
