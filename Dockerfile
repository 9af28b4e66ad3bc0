# syntax=docker/dockerfile:1

# The environment: everything that needs pip or the network.
FROM python:3.11.14-slim-trixie AS build
ARG VERSION=""
ARG COMMIT=""
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY image/build.sh image/
COPY generated generated
COPY notify_grpc notify_grpc
RUN VERSION="$VERSION" COMMIT="$COMMIT" sh image/build.sh /src /opt/notify

FROM python:3.11.14-slim-trixie
ARG VERSION=""
ARG COMMIT=""
LABEL org.opencontainers.image.title="notify-grpc" \
      org.opencontainers.image.description="Notifications over gRPC: durable inboxes, live streams, email, SMS and push" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
RUN --mount=type=bind,source=image/finish.sh,target=/finish.sh sh /finish.sh /usr/local /var/lib/notify
COPY --from=build /opt/notify /opt/notify
ENV PATH=/opt/notify/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NOTIFY_LOG_FORMAT=json \
    NOTIFY_SQLITE_PATH=/var/lib/notify/notify.db
# The only place that is written to, and only by the sqlite store.
VOLUME /var/lib/notify
WORKDIR /var/lib/notify
USER 65532:65532
# Recipients (behind Envoy), producers, operators.
EXPOSE 8080 8081 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["notify-grpc", "health"]
ENTRYPOINT ["notify-grpc"]
CMD ["serve"]
