"""The kernel and every stage on it, against a broker of its own and a clock that costs no time.

clock        time that passes when it is told to; an event loop of each process
broker       logs, commits, a group; services: producer, registry, ticks, election
process      a worker's host, as Faust is one
world        a broker, workers, and what may go wrong with them
promises     what must hold of every stage
stages/      what each stage is given, and what must come of it (see stage_model)
machine      what may happen, in any order; test_model runs it
scenarios    fixed histories; test_scenarios runs them, also with faults put in

To add a stage, write a `StageModel` like `stages/resources.py` and name it in `stages/__init__.py`.
"""
