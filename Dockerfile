# The service's image: Python, the locked packages and service/; no shell, no pip, nothing that
# writes. Where their registries can be reached, pin both bases here: …@sha256:…
ARG BUILD_BASE=docker.io/library/python:3.13-slim-trixie
ARG BASE=gcr.io/distroless/python3-debian13:nonroot

# What builds runs on the building machine, whichever the image is for: nothing is emulated.
# hadolint ignore=DL3006 # the tag is in BUILD_BASE
FROM --platform=${BUILDPLATFORM} ${BUILD_BASE} AS packages
# hadolint ignore=DL3008 # whichever version strips; nothing of it gets into the image
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils-multiarch \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY service/requirements.txt .
ARG TARGETARCH
# Only wheels, only those whose hashes are locked. Debug symbols and what only a compiler or a test
# reads are two thirds of them.
RUN case "${TARGETARCH:-$(dpkg --print-architecture)}" in \
        amd64) machine=x86_64 ;; \
        arm64) machine=aarch64 ;; \
        *) echo "The image is for amd64 or arm64, not '${TARGETARCH}'." >&2; exit 1 ;; \
    esac \
    && pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \
        --platform "manylinux_2_28_${machine}" --platform "manylinux_2_17_${machine}" \
        --platform "manylinux2014_${machine}" \
        --target packages --requirement requirements.txt \
    && find packages -name '*.so*' -exec strip --strip-unneeded {} + \
    && find packages \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.[ch]' \) -delete \
    && rm -rf packages/bin packages/greenlet/tests packages/*/testing
# Modules compiled beside where their source was: nobody changes them, so nobody needs to check.
RUN python -m compileall -q -b --invalidation-mode unchecked-hash -s packages -p /app/packages packages \
    && find packages -name '*.py' -delete

# hadolint ignore=DL3006 # the tag is in BUILD_BASE
FROM --platform=${BUILDPLATFORM} ${BUILD_BASE} AS service
WORKDIR /build
COPY service service
# Alembic looks for the migrations' source.
RUN rm service/requirements.in service/requirements.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash -p /app service

# The platform is said: Debian's buildah would keep that of the stages before.
# hadolint ignore=DL3006,DL3065 # the tag is in BASE; the platform, see above
FROM --platform=${TARGETPLATFORM} ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="mindforce web" \
      org.opencontainers.image.description="Notes over HTTP, kept in PostgreSQL" \
      org.opencontainers.image.revision="${REVISION}"
ENV PYTHONPATH=/app/packages \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /build/packages packages
COPY --from=service /build/service service
USER 65532:65532
EXPOSE 7777 9464
# Migrations: python -m service.migrate
ENTRYPOINT ["/usr/bin/python3.13", "-m", "service"]
CMD []
