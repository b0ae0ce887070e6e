"""A job that fails says so without saying anything of a person."""

import json
import logging

import pytest

from apps.core.jobs import JobFailed, run
from apps.core.logs import ContextFilter, JsonFormatter


def explode(*ids: int) -> None:
    raise LookupError("Hélène Dupont, +33612345678, helene@exemple.fr")


@pytest.mark.django_db
def test_a_failed_job_names_its_kind_and_its_frames_and_nobody(caplog):
    caplog.handler.addFilter(ContextFilter())
    caplog.handler.setFormatter(JsonFormatter())
    with caplog.at_level(logging.ERROR), pytest.raises(JobFailed, match="LookupError") as failed:
        run("public", f"{__name__}.explode", 7, job="abc123")
    assert str(failed.value) == "LookupError"
    line = json.loads(caplog.text)
    assert line["error"] == "LookupError"
    assert line["job"] == f"{__name__}.explode#abc123"
    assert any("explode" in frame for frame in line["trace"])
    for word in ("Hélène", "Dupont", "336123", "exemple.fr"):
        assert word not in caplog.text
