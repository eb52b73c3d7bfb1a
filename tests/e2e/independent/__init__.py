"""A check of the pipeline that shares no code with it: confluent-kafka reads the topics, the simulator knows the truth.

`python -m tests.e2e.independent --bootstrap HOST:PORT --registry URL --truth URL`
"""
