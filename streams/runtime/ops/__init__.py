"""Operations: health, metrics, logs, waiting for services."""
