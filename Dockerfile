# countersign in one image: Node's own binary, one bundled file, and beside it the openpgp library, which is LGPL: whoever
# wants another version of it puts that in its place. CI does not build the image.
#
# Base images are pinned by tag. Whoever releases appends the digests (@sha256:…) that they have checked; the tags alone
# are not reproducible.

FROM docker.io/library/node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No install script runs. The Node binary that ships is the one whose hash the lockfile has.
RUN npm ci --ignore-scripts && \
    mkdir -p /out/lib && \
    cp "$(node -p "require('node:fs').realpathSync('node_modules/.bin/node')")" /out/node && \
    chmod 0755 /out/node
# That binary wants libatomic, which the final base has not.
RUN apt-get update && apt-get install --yes --no-install-recommends libatomic1 && \
    cp -L /usr/lib/*-linux-gnu/libatomic.so.1 /out/lib/
COPY tsconfig.json build.ts LICENSE ./
COPY certs certs
COPY src src
RUN /out/node build.ts && cp dist/countersign.mjs LICENSE /out/ && \
    mkdir -p /out/openpgp/dist/node && \
    cp node_modules/openpgp/package.json node_modules/openpgp/LICENSE /out/openpgp/ && \
    cp node_modules/openpgp/dist/node/openpgp.mjs /out/openpgp/dist/node/

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/node /usr/local/bin/node
COPY --from=build /out/lib/libatomic.so.1 /usr/local/lib/
COPY --from=build /out/countersign.mjs /out/LICENSE /app/
COPY --from=build /out/openpgp /app/node_modules/openpgp
WORKDIR /app
USER 65532:65532
EXPOSE 8443 8080
ENV LD_LIBRARY_PATH=/usr/local/lib
# The process reads its configuration, policies, keys and certificates, talks to registries and to the API server, and
# writes its audit log to standard output. It starts no process and no worker and loads no native code. Mount what it
# reads below /etc/countersign; to write the audit log to a file, mount /var/log/countersign.
# The heap grows slowly: a little CPU for a third of the memory (bench/README.md). Nothing is limited, so a burst of large
# reviews still gets the heap it needs.
ENTRYPOINT ["/usr/local/bin/node", "--heap-growing-percent=20", "--disable-warning=ExperimentalWarning", "--permission", "--allow-net", "--allow-fs-read=/app/*", "--allow-fs-read=/etc/*", "--allow-fs-read=/var/run/secrets/*", "--allow-fs-read=/run/secrets/*", "--allow-fs-read=/var/lib/containers/sigstore/*", "--allow-fs-write=/var/log/countersign/*", "/app/countersign.mjs"]
CMD ["serve", "--config", "/etc/countersign/config.yaml"]
