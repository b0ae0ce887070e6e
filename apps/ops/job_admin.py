"""Jobs as platform staff see them: what waits, what died and why, who works; never a person."""

import re
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_q.models import Failure, OrmQ

from apps.core import queue
from apps.core.admin import ReadOnly
from apps.core.logs import scrub
from apps.core.models import JobTry, WorkerProcess

# How a job ends that raised nothing (core.worker, core.supervisor).
ENDINGS = {
    "timeout": _("trop long : arrêté"),
    "unreadable": _("contenu illisible"),
    "lease": _("perdu avec sa machine"),
}


def _said(kind: str) -> str:
    """The kind of error for people; an exception's own name stays as it is."""
    if match := re.fullmatch(r"(signal|exit) (\d+)", kind):
        return str(_("processus tué (%s)") % match[0])
    return str(ENDINGS.get(kind, kind))


class QueueAdmin(ReadOnly):
    """Jobs that wait or run. A job carries a schema, a task and ids."""

    list_display = ("pk", "task_name", "schema", "tries", "lock")
    search_fields = ("key",)
    ordering = ("lock",)
    fields = ("task_name", "schema", "tries", "lock")
    readonly_fields = ("task_name", "schema", "tries")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrmQ]:
        tries = JobTry.objects.filter(job_id=OuterRef("pk")).values("tries")
        return super().get_queryset(request).annotate(tried=Subquery(tries))

    @admin.display(description=_("tâche"))
    def task_name(self, job: OrmQ) -> str:
        return str(job.name() or "?")

    @admin.display(description=_("schéma"))
    def schema(self, job: OrmQ) -> str:
        return queue.schema_of(job.key)

    @admin.display(description=_("essais"))
    def tries(self, job: Any) -> int:
        return job.tried or 0


class DeadJobAdmin(ReadOnly):
    """Jobs given up after their last try: to be queued again, or taken away with a reason."""

    list_display = ("name", "schema", "kind", "attempt_count", "started", "stopped", "job")
    list_filter = ("name",)
    search_fields = ("id", "name", "group")
    ordering = ("-stopped",)
    fields = (
        "name",
        "schema",
        "ids",
        "kind",
        "attempt_count",
        "started",
        "stopped",
        "job",
        "cause",
    )
    readonly_fields = fields
    actions = ("retry", "take_away")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("django_q.change_failure"))  # type: ignore[union-attr]

    def has_take_away_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("django_q.delete_failure"))  # type: ignore[union-attr]

    @admin.display(description=_("schéma"))
    def schema(self, dead: Failure) -> str:
        return str(dead.args[0]) if dead.args else queue.schema_of(dead.group or "")

    @admin.display(description=_("numéros"))
    def ids(self, dead: Failure) -> str:
        return scrub(", ".join(str(part) for part in dead.args[2:])) if dead.args else ""

    @admin.display(description=_("raison"))
    def kind(self, dead: Failure) -> str:
        lines = str(dead.result or "").strip().splitlines()
        return _said(scrub(lines[-1])[:200]) if lines else ""

    @admin.display(description=_("n° dans le journal"))
    def job(self, dead: Failure) -> str:
        return str((dead.kwargs or {}).get("job", ""))

    @admin.display(description=_("requête à l’origine"))
    def cause(self, dead: Failure) -> str:
        return str((dead.kwargs or {}).get("request", ""))

    @admin.action(description=_("Relancer"), permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Failure]) -> None:
        """Queue the same job again; tasks are written to be run twice without harm."""
        with transaction.atomic():
            dead = list(queryset.select_for_update().order_by("started", "pk"))
            self._write_down(request, dead, CHANGE, str(_("Relancé.")))
            for one in dead:
                queue.revive(one)
        said = ngettext("%d travail relancé.", "%d travaux relancés.", len(dead)) % len(dead)
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description=_("Retirer avec une raison"), permissions=["take_away"])
    def take_away(self, request: HttpRequest, queryset: QuerySet[Failure]) -> HttpResponse | None:
        """Gone for good; who did it and why stays in the register of acts."""
        reason = request.POST.get("reason", "").strip()
        if not reason:
            return self._ask_reason(request, queryset)
        with transaction.atomic():
            dead = list(queryset.select_for_update())
            self._write_down(request, dead, DELETION, reason[:500])
            for one in dead:
                one.delete()
        said = ngettext("%d travail retiré.", "%d travaux retirés.", len(dead)) % len(dead)
        self.message_user(request, said, messages.SUCCESS)
        return None

    def _ask_reason(self, request: HttpRequest, queryset: QuerySet[Failure]) -> HttpResponse:
        asked = "reason" in request.POST
        context = {
            **self.admin_site.each_context(request),
            "title": _("Retirer des travaux échoués"),
            "count": queryset.count(),
            "chosen": request.POST.getlist("_selected_action"),
            "across": request.POST.get("select_across", "0"),
            "refused": asked,
            "opts": self.model._meta,
        }
        status = 422 if asked else 200
        return TemplateResponse(request, "ops/take_away_jobs.html", context, status=status)

    def _write_down(self, request: HttpRequest, dead: list[Failure], act: int, why: str) -> None:
        staff = int(request.user.pk or 0)
        LogEntry.objects.log_actions(staff, dead, act, change_message=why)


class WorkerAdmin(ReadOnly):
    """Each process that takes jobs; the page « Le travail » says what it is busy with."""

    list_display = ("host", "pid", "is_express", "started_at", "beat_at", "done", "megabytes")
    ordering = ("host", "pid")
    fields = (*list_display, "supervisor", "took_at")
    readonly_fields = ("megabytes",)

    @admin.display(description=_("mémoire (Mo)"))
    def megabytes(self, worker: WorkerProcess) -> int:
        return worker.memory_kb // 1024
