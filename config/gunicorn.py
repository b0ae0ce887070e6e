"""How gunicorn serves Comptoir: settings of the machine from the environment, JSON logs."""

from pathlib import Path

from config.env import ENV

# In production a proxy stands before it; on one's own machine nobody else is let in.
_everywhere = "0.0.0.0"  # noqa: S104
bind = f"{ENV['BIND'] or ('127.0.0.1' if ENV['MODE'] == 'local' else _everywhere)}:{ENV['PORT']}"
workers, threads = ENV["WEB_PROCESSES"], ENV["WEB_THREADS"]
# A backend grows with each schema it has touched (ground.md): workers are renewed.
max_requests, max_requests_jitter = 5000, 500
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
