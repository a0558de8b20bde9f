# Beats in a container: docker build . --tag beats ; docker run --publish 127.0.0.1:8765:8765 beats
#
# Settings are variables (BEATS_...), or profiles in /etc/beats. Recordings are in /var/lib/beats/recordings.

FROM python:3.11-slim AS build
# Which extras of the package: nats is for origin and edge; there are also screen and video.
ARG EXTRAS=fast,mqtt,nats
COPY . /source
RUN python -m venv /opt/beats \
    && /opt/beats/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint /source/constraints.txt "/source[${EXTRAS}]"

FROM python:3.11-slim
COPY --from=build /opt/beats /opt/beats
RUN useradd --system --uid 10001 --home-dir /var/lib/beats beats \
    && install --directory /etc/beats \
    && install --directory --owner=beats --group=beats /var/lib/beats /var/lib/beats/recordings
ENV PATH=/opt/beats/bin:$PATH \
    BEATS_CONFIG_DIR=/etc/beats \
    BEATS_WEBSOCKET_BIND_HOST=0.0.0.0 \
    BEATS_WEBSOCKET_PORT=8765
USER beats
WORKDIR /var/lib/beats
VOLUME /var/lib/beats/recordings
EXPOSE 8765
# Whether the event loop turns; 401 is an answer of a stream with a token. With TLS, or a profile without the sink
# websocket, set a check of your own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["python", "-c", "import http.client, os; \
server = http.client.HTTPConnection('127.0.0.1', int(os.environ['BEATS_WEBSOCKET_PORT']), timeout=4); \
server.request('GET', '/livez'); \
raise SystemExit(server.getresponse().status not in (200, 401))"]
ENTRYPOINT ["beats"]
CMD ["run"]
