# The digest makes sure that it is always the same image. Dependabot changes it together with the tag.
FROM rust:1.95-alpine@sha256:606fd313a0f49743ee2a7bd49a0914bab7deedb12791f3a846a34a4711db7ed2 AS build
RUN apk add --no-cache gcc musl-dev
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
ARG TARGETPLATFORM
# The commit, shown as part of the version. Cargo sees it as a variable; not given means not set.
ARG GIT_SHA
# The target folder outlives this build, and Cargo compares dates: the touch makes sure that Duly
# itself is always built from the files above, and only the dependencies are reused.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,id=duly-target-$TARGETPLATFORM,sharing=locked \
    find src -name '*.rs' -exec touch {} + && \
    cargo build --profile dist --locked --bin duly && \
    install -D target/dist/duly /out/duly
# A new volume takes over the owner and the mode of the folder in the image.
RUN install -d -m 0700 /out/data

FROM scratch
ARG GIT_SHA
LABEL org.opencontainers.image.title="Duly" \
      org.opencontainers.image.description="A personal task server: one static binary, one data file" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="$GIT_SHA"
COPY --from=build /out/duly /duly
COPY --from=build --chown=65532:65532 /out/data /data
ENV LISTEN=0.0.0.0:8000 \
    DATABASE_URL=redb:///data/duly.redb \
    LOG_FORMAT=json
USER 65532:65532
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=30s --start-interval=1s \
    CMD ["/duly", "healthcheck"]
ENTRYPOINT ["/duly"]
CMD ["serve"]
