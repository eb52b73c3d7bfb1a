"""From blocks to what stores take: remote write, line protocol, OTLP, lines of JSON, pages to be scraped."""
