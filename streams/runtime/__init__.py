"""The shell around the stages: settings, serde, registry, topics, secrets, leadership, ticker, metrics."""
