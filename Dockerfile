# syntax=docker/dockerfile:1
# The analyzer: git, ssh, certificates, Node and one bundled file.
#
#   docker build --build-arg PERCH_COMMIT="$(git rev-parse HEAD)" --tag perch .
#
# PERCH_NODE_IMAGE may name the same image by its digest, or a mirror of it.
ARG PERCH_NODE_IMAGE=node:24.11.1-bookworm-slim

FROM ${PERCH_NODE_IMAGE} AS build
ARG PERCH_COMMIT=unknown
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# Without scripts: none of them runs code of a dependency, and our own would build before the sources are here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY .ci/build.js .ci/build.js
COPY lib/plan lib/plan
COPY analyzer analyzer
RUN PERCH_COMMIT="${PERCH_COMMIT}" node .ci/build.js /out/perch.cjs && node /out/perch.cjs version

FROM ${PERCH_NODE_IMAGE}
ARG PERCH_COMMIT=unknown
LABEL org.opencontainers.image.title="perch" \
      org.opencontainers.image.description="Progressive delivery as Git commits: the analyzer" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${PERCH_COMMIT}"
# Debian's newest patch versions of these, whenever the image is built: they read what comes from outside.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
    /usr/local/bin/corepack /opt/yarn-* /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && echo 'perch:x:65532:65532:perch:/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'perch:x:65532:' >> /etc/group
COPY --from=build --chmod=0555 /out/perch.cjs /usr/local/bin/perch
# A number, so that runAsNonRoot can be proved, with a name above, because ssh and ssh-keygen want one. Only /tmp is
# ever written to, and the folder of --cache.
USER 65532:65532
ENV HOME=/tmp NODE_ENV=production
WORKDIR /tmp
ENTRYPOINT ["perch"]
CMD ["analyze", "--watch"]
