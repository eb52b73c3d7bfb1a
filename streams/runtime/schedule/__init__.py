"""Leaders publish ticks, owners obey them."""
