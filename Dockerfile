# One image for every stage, the console and the commands:
#   docker run panoptes-streams faust -A streams.polling worker
#   docker run panoptes-streams panoptes doctor
# It runs as a user of its own and needs no writable root: --read-only --tmpfs /tmp -v panoptes:/var/lib/panoptes
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/panoptes
COPY requirements.lock ./
RUN /opt/panoptes/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY schemas schemas
COPY pollers pollers
COPY streams streams
RUN /opt/panoptes/bin/pip install --no-deps .

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="Panoptes Streams" \
      org.opencontainers.image.description="Network telemetry as a stream" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /var/lib/panoptes --create-home panoptes
COPY --from=build /opt/panoptes /opt/panoptes
ENV PATH=/opt/panoptes/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PANOPTES_PANOPTES_STATE_DIR=/var/lib/panoptes
WORKDIR /var/lib/panoptes
VOLUME /var/lib/panoptes
USER 10001:10001
# a worker's own answer; the port is its stage's (docs/operation.md)
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["panoptes", "health"]
STOPSIGNAL SIGTERM
CMD ["panoptes", "--help"]
