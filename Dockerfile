# Image of a node of a Ray cluster for raycontext, see docs/kuberay.yaml. `make wheels` first, then
# `docker build --tag REGISTRY/raycontext:0.1.0 .` in the repository.
FROM rayproject/ray:2.60.0-py311

# The wheel comes from this repository, never from an index by its name, and its checksum from `make wheels`.
COPY dist/SHA256SUMS dist/raycontext-0.1.0-*.whl /opt/raycontext/
WORKDIR /opt/raycontext
RUN sha256sum --check --strict --ignore-missing SHA256SUMS && \
    pip install --no-cache-dir "$(ls raycontext-0.1.0-*_"$(uname -m)".whl)[cloud,cluster]"

ENV RAY_USAGE_STATS_ENABLED=0
WORKDIR /home/ray
USER ray
