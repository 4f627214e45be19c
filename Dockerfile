# A container with one static program and nothing else: no shell, no root.
#
#   docker build -t promptmetrics .
#   docker run -p 3000:3000 -v promptmetrics:/data promptmetrics
#   docker run --rm -v promptmetrics:/data promptmetrics create-key --name me --scopes read,write

FROM golang:1.26 AS build
WORKDIR /src
# What is downloaded changes less often than the code.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/ ./cmd/promptmetrics-server ./cmd/promptmetrics \
    && mkdir -p /root-of-image/data /root-of-image/tmp \
    && chmod 1777 /root-of-image/tmp

FROM scratch
# Certificates of git hosts, S3, Redis, PostgreSQL and model providers are checked against these.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /root-of-image/ /
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/bin DATA_DIR=/data LOG_FORMAT=json
WORKDIR /data
USER 65532:65532
VOLUME /data
EXPOSE 3000
# The server answers requests under way and leaves within 30 s of this signal.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["promptmetrics-server", "health"]
ENTRYPOINT ["promptmetrics-server"]
