"""What is still to be sent, what became of the rest, and where a sink is in its topics."""
