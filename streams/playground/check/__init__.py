"""Checks the pipeline from outside: reads the topics, and compares them with the simulator's truth.

confluent-kafka reads where it is installed (extra `demo`): then not even the Kafka client is the pipeline's.

`python -m streams.playground.check --bootstrap HOST:PORT --registry URL --truth URL`
"""
