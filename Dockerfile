# The operator in an image without shell or package manager, run by a user without rights.
#   docker build --tag vobiz-operator:0.1.0 --build-arg COMMIT="$(git rev-parse HEAD)" .

FROM rust:1.95-bookworm AS build
WORKDIR /source
# Shown by `vobiz-operator version` and the metric vobiz_operator_build_info.
ARG COMMIT=unknown
ENV VOBIZ_COMMIT=$COMMIT
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --package vobiz-operator --bin vobiz-operator --no-default-features --features otlp \
    && cp target/release/vobiz-operator /vobiz-operator

# The C library and CA certificates are all that the binary needs of a system.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /vobiz-operator /usr/local/bin/vobiz-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/vobiz-operator"]
CMD ["run"]
