"""What is kept between polls, small: learnt rows and cells, and the facts of an enrichment."""
