"""A check of the pipeline that shares no code with it: it reads the topics, and asks the simulator for the truth.

confluent-kafka reads where it is installed (extra `demo`): then not even the Kafka client is the pipeline's.

`python -m streams.playground.check --bootstrap HOST:PORT --registry URL --truth URL`
"""
