# SPDX-License-Identifier: Apache-2.0
# The CPU images. deploy/docker/README.md says how they are built, from the root of the repository.
# The tag names the day of a Debian 12 release; pin its digest with --build-arg DEBIAN=debian@sha256:...
ARG DEBIAN=debian:bookworm-20260824-slim

FROM ${DEBIAN} AS build
WORKDIR /src
# What is downloaded changes rarely: a layer of its own. LibTorch's folder is named in the programs, so it gets a short name.
COPY tools/setup.sh tools/dependencies.txt tools/
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates && tools/setup.sh \
    && mv /root/.cache/cohort/libtorch-2.11.0 /opt/libtorch
ENV COHORT_SITE_PACKAGES=/opt/libtorch
COPY . .
RUN make build
RUN mkdir -p /programs /state/cohort \
    && cp bazel-bin/coordinator/cohort-coordinator bazel-bin/rollout_worker/cohort-rollout-worker \
      bazel-bin/learner/cohort-learner bazel-bin/cli/cohortctl /programs/

FROM scratch AS runtime
LABEL org.opencontainers.image.title="Cohort" org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/usr/local/bin:/usr/bin HOME=/var/lib/cohort
USER 65532:65532

FROM build AS cohort-coordinator-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/cohort-coordinator
FROM runtime AS cohort-coordinator
COPY --from=cohort-coordinator-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
ENTRYPOINT ["/usr/bin/cohort-coordinator"]

FROM build AS cohort-rollout-worker-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/cohort-rollout-worker
FROM runtime AS cohort-rollout-worker
COPY --from=cohort-rollout-worker-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
ENTRYPOINT ["/usr/bin/cohort-rollout-worker"]

FROM build AS cohort-learner-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/cohort-learner
FROM runtime AS cohort-learner
COPY --from=cohort-learner-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
ENTRYPOINT ["/usr/bin/cohort-learner"]

FROM build AS cohortctl-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/cohortctl
FROM runtime AS cohortctl
COPY --from=cohortctl-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
ENTRYPOINT ["/usr/bin/cohortctl"]

# All four programs, for `cohortctl local` and for clusters that pull one image. The last stage is the default one.
FROM build AS cohort-cpu-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/*
FROM runtime AS cohort-cpu
COPY --from=cohort-cpu-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
CMD ["/usr/bin/cohortctl", "--help"]
