# One image for every service of docker-compose.yml; the command says which it is.
FROM python:3.11-slim

ENV PYTHONPATH=/app/platform:/app \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    HF_HUB_OFFLINE=1 \
    EXPUNGE_VAR=/var/lib/expunge
WORKDIR /app

# Pango lays out certificate.pdf; its fonts are ours.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*

# Dependencies first: they change seldom, and this layer is then reused. What is missing after
# --no-deps, `pip check` names; torch's own dependencies are in the lock.
COPY requirements/ requirements/
RUN pip install --no-deps --require-hashes -r requirements/lock.txt \
    && pip install -r requirements/torch.txt \
    && pip check

COPY manage.py ./
COPY platform/ platform/
COPY mlcore/ mlcore/
COPY migrations/ migrations/
COPY templates/ templates/
COPY static/ static/
COPY recipes/ recipes/

# A volume that is mounted here takes over the owner.
RUN useradd --system --create-home --uid 10001 expunge \
    && install --directory --owner expunge --mode 0700 "$EXPUNGE_VAR"
USER expunge
