# One image with both programs. The manager is what it starts by default; for the ingress the command is "ingress".
# make docker-build and make docker-buildx give the arguments.
#
# Both programs are static, so the image below them is empty by default: no shell, no package, no libc; what distroless
# static has besides (certificates, the user nonroot, time zones) is put there. Where images have to stand on a base that
# is maintained, give one, such as distroless "static:nonroot":
#
#   make docker-build DOCKER_ARGS="--build-arg RUNTIME_IMAGE=<where you pull it from>/static:nonroot"
ARG GO_IMAGE=golang:1.26
ARG RUNTIME_IMAGE=scratch

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY Makefile Makefile
COPY api api
COPY cmd cmd
COPY controllers controllers
COPY internal internal
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=unknown
ARG COMMIT=unknown
# The flags are those of make build.
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} make build PROGRAMS="manager ingress" BIN=/root-fs/usr/local/bin VERSION="${VERSION}" COMMIT="${COMMIT}"
RUN mkdir -p /root-fs/etc/ssl/certs /root-fs/usr/local/share \
 && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ \
 && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /root-fs/usr/local/share/ \
 && printf 'root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' > /root-fs/etc/passwd \
 && printf 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n' > /root-fs/etc/group
# The default --spool-dir of the ingress. In a cluster a volume is mounted over it.
RUN mkdir -m 0700 /spool
# The same times each time; the engine does the rest by the argument of this name.
ARG SOURCE_DATE_EPOCH=0
RUN find /root-fs /spool -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM ${RUNTIME_IMAGE}
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title=sim-operator \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${COMMIT}
COPY --from=build /root-fs/ /
COPY --from=build --chown=65532:65532 /spool /var/lib/sim-operator
ENV PATH=/usr/local/bin \
    ZONEINFO=/usr/local/share/zoneinfo.zip
USER 65532:65532
CMD ["manager"]
