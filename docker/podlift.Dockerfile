# podlift for a cluster, where it drives a cutover and keeps its slices (podlift cutover keep --drive):
#   docker build -t podlift -f docker/podlift.Dockerfile .
# Hooks run in it too: where a run has some, build an image of your own FROM this one, with what they call.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY converters converters
COPY migrate migrate
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.13-slim
# engines at ssh:// are reached by ssh, which wants to know who it runs as
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 65532 --create-home podlift
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels podlift
USER 65532:65532
ENTRYPOINT ["podlift"]
