# SPDX-License-Identifier: Apache-2.0
# The CUDA images, for GPUs of compute capability 8.0 and above. deploy/docker/README.md says how they are built,
# from the root of the repository. The tags name a day of Debian 12 and a release of the CUDA toolkit, that of the wheels of
# torch 2.11.0; pin digests with --build-arg DEBIAN=debian@sha256:... and --build-arg CUDA=nvidia/cuda@sha256:...
ARG DEBIAN=debian:bookworm-20260824-slim
ARG CUDA=nvidia/cuda:13.0.2-devel-ubuntu22.04

FROM ${CUDA} AS toolkit

FROM ${DEBIAN} AS build
WORKDIR /src
COPY tools/setup.sh tools/dependencies.txt tools/
# LibTorch's folder is named in the programs, so it gets a short name.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates && tools/setup.sh --cuda \
    && mv /root/.cache/cohort/libtorch-2.11.0 /opt/libtorch && rm -rf /root/.cache/cohort/cuda-wheels-*
ENV COHORT_SITE_PACKAGES=/opt/libtorch
COPY --from=toolkit /usr/local/cuda-13.0/ /usr/local/cuda/
COPY . .
RUN tools/build.sh --config=cuda //coordinator:cohort-coordinator //rollout_worker:cohort-rollout-worker \
      //learner:cohort-learner //cli:cohortctl
RUN mkdir -p /programs /state/cohort \
    && cp bazel-bin/coordinator/cohort-coordinator bazel-bin/rollout_worker/cohort-rollout-worker \
      bazel-bin/learner/cohort-learner bazel-bin/cli/cohortctl /programs/

FROM scratch AS runtime
LABEL org.opencontainers.image.title="Cohort" org.opencontainers.image.licenses="Apache-2.0"
# Which of the host's driver libraries the container runtime brings in; which GPUs is said when a container is started.
ENV PATH=/usr/local/bin:/usr/bin HOME=/var/lib/cohort NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 65532:65532

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

# All four programs, for `cohortctl local` and for clusters that pull one image. The last stage is the default one.
FROM build AS cohort-cuda-tree
RUN deploy/docker/runtime_tree.sh /tree /programs/*
FROM runtime AS cohort-cuda
COPY --from=cohort-cuda-tree /tree/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
WORKDIR /var/lib/cohort
CMD ["/usr/bin/cohortctl", "--help"]
