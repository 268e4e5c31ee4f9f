FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /image/usr/local/bin/firebreak ./cmd/firebreak
# Besides: whom to trust on the network, who it is that runs, and where the
# state goes.
RUN install -D -m 644 -t /image/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt \
 && echo 'firebreak:x:65532:65532::/var/lib/firebreak:/sbin/nologin' >/image/etc/passwd \
 && install -d -m 700 -o 65532 -g 65532 /image/var/lib/firebreak

FROM scratch
COPY --from=build /image /
# The root may be read-only: state, sockets and temporary files go to the volume.
ENV XDG_STATE_HOME=/var/lib TMPDIR=/var/lib/firebreak
USER 65532:65532
VOLUME /var/lib/firebreak
ENTRYPOINT ["/usr/local/bin/firebreak"]
