FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /out/firebreak ./cmd/firebreak \
 && mkdir /out/state

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/firebreak /firebreak
COPY --from=build --chown=65532:65532 /out/state /var/lib/firebreak
# The root may be read-only: state, sockets and temporary files go to the volume.
ENV XDG_STATE_HOME=/var/lib TMPDIR=/var/lib/firebreak
USER 65532:65532
VOLUME /var/lib/firebreak
ENTRYPOINT ["/firebreak"]
