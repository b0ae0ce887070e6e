"""Our engine, but for the health check: Django's own, which asks ``SELECT 1``."""
