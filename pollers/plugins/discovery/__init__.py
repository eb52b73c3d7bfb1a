"""Discovery plugins that search for devices: by address ranges (`sweep`) and by neighbours (`crawl`)."""
