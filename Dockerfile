# The image of one node: docker build -t loomcache . && docker run -p 7654:7654 loomcache
# Other bases: --build-arg DEBIAN=debian:bookworm-slim
ARG DEBIAN=debian:trixie-slim

FROM ${DEBIAN} AS build
WORKDIR /src
# The packages are a layer of their own: only a change in scripts/ installs them again.
COPY scripts/setup scripts/apt.sh scripts/
RUN scripts/setup build
COPY . .
RUN cmake --preset release && cmake --build build/release
RUN deploy/docker/stage build/release /stage

FROM ${DEBIAN}
LABEL org.opencontainers.image.title="LoomCache" \
      org.opencontainers.image.description="A cache that speaks the Redis protocol" \
      org.opencontainers.image.licenses="Apache-2.0"
# Numbers and not names below, so that an orchestrator can see that it is not root.
RUN groupadd --gid 7654 loomcache && \
    useradd --uid 7654 --gid 7654 --no-create-home --home-dir /var/lib/loomcache \
        --shell /usr/sbin/nologin loomcache && \
    install -d -o 7654 -g 7654 -m 0750 /var/lib/loomcache
COPY --from=build /stage/ /

# Inside a container, localhost reaches nobody: clients, health and metrics are on every address,
# and without a password that needs allow_open. Who can connect is then decided by which ports are
# published and by the network. On a network that is not trusted, set LOOMCACHE_SERVER_REQUIREPASS.
# Every other key is LOOMCACHE_<SECTION>_<KEY> in the same way.
ENV LOOMCACHE_SERVER_BIND=* \
    LOOMCACHE_SERVER_ALLOW_OPEN=true \
    LOOMCACHE_HEALTH_BIND=* \
    LOOMCACHE_EXPORTER_PROMETHEUS_BIND=*

USER 7654:7654
WORKDIR /var/lib/loomcache
EXPOSE 7654 8080 9090
STOPSIGNAL SIGTERM
# Asks the health port that the environment configures; with a port set in a file or on the command
# line instead, give the same to the probe (--health-cmd).
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["/usr/local/bin/loomcache", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/loomcache"]
