# Everything here works from a fresh clone; `setup` runs first and is quick when there is nothing to do.
# ARGS is handed on, e.g. make test ARGS="tests/unit -k wrap"

PANOPTES := .venv/bin/panoptes
ARGS ?=

.PHONY: help setup setup-lab docs test test-receivers test-secure lab lab-check lab-netbox compile interpreted demo demo-check chaos bench-snmp bench-polling bench-gauges bench-pipeline bench-sinks bench-console bench-schedule bench-discovery \
        dashboards lock lock-jars clean
.DEFAULT_GOAL := help

help:
	@echo "make setup           virtual environment, commands, jars (runs before everything else)"
	@echo "make demo            services, pipeline and simulated devices, with a live view; Ctrl-C stops all of it"
	@echo "make demo-check      the same without the view: every rate is compared with the truth"
	@echo "make test            every gate and every test"
	@echo "make lab             a network of FRR, lldpd and net-snmp in namespaces (root), and a shell in it; exit ends it"
	@echo "make lab-check       the pipeline on that network, compared with what the kernel and FRR say"
	@echo "make lab-netbox      a real NetBox with that network in it, and what the plugin makes of it; ten minutes the first time"
	@echo "make compile         the modules that work on values as machine code, beside their sources"
	@echo "make interpreted     without them again"
	@echo "make test-receivers  sinks against newer stores and an OpenTelemetry collector, built by Go's proxy; minutes the first time"
	@echo "make test-secure     rights, refusals and certificates, then demo-check, on services with TLS, users and ACLs"
	@echo "make docs            the site of docs/, into .state/site"
	@echo "make chaos           the tests that kill workers and services, and hours of the model's"
	@echo "make bench-snmp      what polling costs, beside other collectors, up to Kafka"
	@echo "make bench-polling   what our poller costs from the tick to bytes, and its memory"
	@echo "make bench-gauges    what turning counters into rates costs"
	@echo "make bench-pipeline  what the whole pipeline costs and how late it is"
	@echo "make bench-sinks     what taking gauges to a store costs, from the topic to VictoriaMetrics; MODE=live: how late they are"
	@echo "make bench-console   what the console takes with 10,000 devices, and how quickly it answers 50 people"
	@echo "make bench-schedule  what the schedule costs, how that grows, and how even it is"
	@echo "make bench-discovery what 100,000 resources cost the resource manager; ARGS=sweep: a sweep of 65,534 addresses"
	@echo "make dashboards      write deploy/grafana anew from the vocabulary"
	@echo "make lock            write requirements.lock anew from pyproject.toml"
	@echo "make lock-jars       the same for the jars that Maven brings, names and SHA-256"
	@echo "make clean           stop the services and remove what they kept; downloads stay"

setup:
	@scripts/setup

setup-lab:
	@scripts/setup --lab

test: setup-lab
	@scripts/test $(ARGS)

lab: setup-lab
	@.venv/bin/python -m tests.lab shell $(ARGS)

lab-check: setup-lab
	@.venv/bin/python -m tests.lab.check $(ARGS)

lab-netbox: setup
	@tests/lab/netbox/netbox.sh up
	@.venv/bin/python -m tests.lab.netbox http://127.0.0.1:18000 $(ARGS); status=$$?; tests/lab/netbox/netbox.sh down; exit $$status

demo: setup
	@$(PANOPTES) demo $(ARGS)

demo-check: setup
	@$(PANOPTES) demo --check $(ARGS)

compile: interpreted setup
	@scripts/compile

interpreted:
	@scripts/interpreted

test-receivers: setup
	@scripts/receivers
	@.venv/bin/python -m pytest tests/receivers -rs $(ARGS)

test-secure: setup
	@.venv/bin/python -m pytest tests/contract/secured tests/unit/runtime/test_tls.py tests/unit/runtime/test_web.py $(ARGS)
	@$(PANOPTES) demo --check --secure

docs: setup
	@$(PANOPTES) config docs > /dev/null
	@.venv/bin/mkdocs build --quiet --strict $(ARGS)
	@echo "the site: .state/site/index.html"

chaos: setup
	@CHAOS=long .venv/bin/python -m pytest tests/chaos tests/model/test_model.py tests/lab/held/test_trouble.py $(ARGS)

bench-snmp: setup
	@.venv/bin/python -m tests.bench.snmp $(ARGS)

bench-polling: setup
	@.venv/bin/python -m tests.bench.pipeline.polling $(ARGS)

bench-gauges: setup
	@.venv/bin/python -m tests.bench.gauges $(ARGS)

bench-pipeline: setup
	@.venv/bin/python -m tests.bench.pipeline $(ARGS)

bench-console: setup
	@.venv/bin/python -m tests.bench.console $(ARGS)

bench-sinks: setup
	@.venv/bin/python -m tests.bench.sinks $(or $(MODE),stage) $(ARGS)

bench-discovery: setup
	@.venv/bin/python -m tests.bench.discovery $(or $(ARGS),resources)

bench-schedule: setup
	@.venv/bin/python -m tests.bench.scheduling $(ARGS)

dashboards: setup
	@.venv/bin/python -m scripts.dashboards

lock: setup
	@scripts/lock

lock-jars: setup
	@scripts/lock-jars

clean:
	@if [ -x $(PANOPTES) ]; then $(PANOPTES) stack down && $(PANOPTES) stack reset; fi
	@rm -rf .state/demo .state/lab-check
