# One image with both programs. The manager is what it starts by default; for the ingress the command is "ingress".
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" --build-arg COMMIT="$(git rev-parse HEAD)" -t sim-operator .
#
# Both programs are static and need nothing from the image below them, so that is empty by default: no shell, no package,
# no libc. Where images have to stand on a base that is maintained, give one, such as distroless "static:nonroot":
#
#   docker build --build-arg RUNTIME_IMAGE=<where you pull it from>/static:nonroot ...
ARG GO_IMAGE=golang:1.26
ARG RUNTIME_IMAGE=scratch

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY internal internal
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=unknown
ARG COMMIT=
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -o /out/ \
    -ldflags="-s -w -X github.com/sim-operator/sim-operator/internal/version.version=${VERSION} -X github.com/sim-operator/sim-operator/internal/version.commit=${COMMIT}" \
    ./cmd/manager ./cmd/ingress
# The default --spool-dir of the ingress. In a cluster a volume is mounted over it.
RUN mkdir /spool && chmod 0700 /spool

FROM ${RUNTIME_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/manager /out/ingress /usr/local/bin/
COPY --from=build --chown=65532:65532 /spool /var/lib/sim-operator
ENV PATH=/usr/local/bin
USER 65532:65532
CMD ["manager"]
