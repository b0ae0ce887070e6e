"""How gunicorn serves Comptoir: settings of the machine from the environment, JSON logs."""

import gc
from pathlib import Path
from typing import Any

from config.env import ENV

# In production a proxy stands before it; on one's own machine nobody else is let in.
_everywhere = "0.0.0.0"  # noqa: S104
bind = f"{ENV['BIND'] or ('127.0.0.1' if ENV['MODE'] == 'local' else _everywhere)}:{ENV['PORT']}"
workers, threads = ENV["WEB_PROCESSES"], ENV["WEB_THREADS"]
# What a package leaks goes with the worker. A connection renews itself (core.postgres), and a
# fresh worker has to get to know every shop anew: seldom. Two hundred open pages ask 10,000 times a
# minute (core.live), so a worker serves some forty minutes of that.
max_requests, max_requests_jitter = 200_000, 20_000
# Loaded once and forked: a worker is there in milliseconds, and shares what it does not change.
preload_app = True
timeout, graceful_timeout, keepalive = 30, 20, 5
control_socket_disable = True
# Heartbeats in memory: a container's temporary folder may be a slow disk.
_memory = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(_memory) if _memory.is_dir() else None

# The request line is our own (core.middleware): route and request id, never a path with a token.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "apps.core.logs.ContextFilter"}},
    "formatters": {"json": {"()": "apps.core.logs.JsonFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["console"], "level": ENV["LOG_LEVEL"]},
    "loggers": {
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}


def when_ready(server: Any) -> None:
    """Before the first worker is forked: what all of them need, left alone by the collector."""
    # Only here is Django set up.
    from django.conf import settings
    from django.db import connections
    from django.urls import get_resolver

    for name in (settings.ROOT_URLCONF, settings.PUBLIC_SCHEMA_URLCONF, settings.ADMIN_URLCONF):
        _ = get_resolver(name).url_patterns
    connections.close_all()  # two processes must not share one
    gc.collect()
    gc.freeze()
