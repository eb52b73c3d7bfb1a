"""From bytes of topics to blocks of numbers: what a sink does not ask for is not decoded."""
