# syntax=docker/dockerfile:1
# Runs as an unprivileged user on a read-only root file system; the only state is DATABASE_URL's database
# (SQLite: mount a volume at /var/lib/dnsbot). The sandbox and its packages are not in this image.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/dnsbot
COPY locks/runtime.txt locks/runtime.txt
RUN /opt/dnsbot/bin/python -m pip install --require-hashes --only-binary=:all: -r locks/runtime.txt
COPY locks/build.txt locks/build.txt
RUN python -m venv /opt/build && /opt/build/bin/python -m pip install --require-hashes --only-binary=:all: -r locks/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY playbooks playbooks
COPY templates templates
COPY migrations migrations
RUN /opt/build/bin/python -m hatchling build -t wheel -d dist \
 && /opt/dnsbot/bin/python -m pip install --no-deps --no-index dist/*.whl \
 && /opt/dnsbot/bin/python -m compileall -q /opt/dnsbot/lib

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="eks-dns-bot" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/dnsbot --shell /usr/sbin/nologin dnsbot \
 && install -d -o 10001 -g 10001 /var/lib/dnsbot
COPY --from=build /opt/dnsbot /opt/dnsbot
ENV PATH=/opt/dnsbot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DNSBOT_CONFIG=/etc/dnsbot/dnsbot.yaml \
    DATABASE_URL=sqlite:////var/lib/dnsbot/dnsbot.db
USER 10001:10001
WORKDIR /var/lib/dnsbot
VOLUME ["/var/lib/dnsbot"]
EXPOSE 3000 3001
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3001/healthz', timeout=4)"]
ENTRYPOINT ["dnsbot"]
CMD ["run", "--host", "0.0.0.0", "--port", "3000", "--health-host", "0.0.0.0", "--health-port", "3001"]
