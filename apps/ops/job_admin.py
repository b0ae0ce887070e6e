"""Jobs as platform staff see them: what waits, what died and why, who works; never a person."""

import re
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Substr
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_q.models import Failure, OrmQ

from apps.core import queue
from apps.core.admin import ReadOnly
from apps.core.logs import scrub
from apps.core.models import JobTry, WorkerProcess
from apps.shops.models import Shop

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


def _moment(at: Any) -> str:
    return date_format(localtime(at), "d/m/Y H:i") if at else ""


def _with_shop(jobs: QuerySet[Any], key: str) -> QuerySet[Any]:
    """Each job with ``shop_name``, by the schema in its lane's key; None for the platform's."""
    schema = Substr(OuterRef(key), 3)
    names = Shop.objects.filter(schema_name=schema).values("name")
    return jobs.annotate(shop_name=Subquery(names[:1]))


class OfShop(ReadOnly):
    """A list of jobs that names the shop of each."""

    @admin.display(description=_("boutique"), ordering="shop_name")
    def shop(self, job: Any) -> str:
        return str(job.shop_name or _("la plateforme"))


class QueueAdmin(OfShop):
    """Jobs that wait or run. A job carries a schema, a task and ids."""

    list_display = ("task_name", "shop", "tries", "due")
    search_fields = ("key",)
    ordering = ("lock",)
    fields = ("task_name", "shop", "schema", "tries", "due")
    readonly_fields = fields
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrmQ]:
        tries = JobTry.objects.filter(job_id=OuterRef("pk")).values("tries")
        jobs = super().get_queryset(request).annotate(tried=Subquery(tries))
        return _with_shop(jobs, "key")

    @admin.display(description=_("tâche"))
    def task_name(self, job: OrmQ) -> str:
        return str(job.name() or "?")

    @admin.display(description=_("schéma"))
    def schema(self, job: OrmQ) -> str:
        return queue.schema_of(job.key)

    @admin.display(description=_("essais"))
    def tries(self, job: Any) -> int:
        return job.tried or 0

    @admin.display(description=_("pas avant"), ordering="lock")
    def due(self, job: OrmQ) -> str:
        return _moment(job.lock)


class TaskFilter(admin.AllValuesFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("tâche")


class DeadJobAdmin(OfShop):
    """Jobs given up after their last try: to be queued again, or taken away with a reason."""

    list_display = ("task", "shop", "kind", "tries", "last_try", "job")
    list_filter = (("name", TaskFilter),)
    change_list_template = "ops/dead_jobs.html"
    change_form_template = "ops/dead_job.html"
    search_fields = ("id", "name", "group")
    ordering = ("-stopped",)
    fields = (
        "task",
        "shop",
        "schema",
        "ids",
        "kind",
        "tries",
        "first_try",
        "last_try",
        "job",
        "cause",
    )
    readonly_fields = fields
    actions = ("retry", "take_away")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Failure]:
        return _with_shop(super().get_queryset(request), "group")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One job, with what may be done about it."""
        may = {
            "title": _("Travail abandonné"),
            "may_retry": self.has_retry_permission(request),
            "may_take_away": self.has_take_away_permission(request),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **may})

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("django_q.change_failure"))  # type: ignore[union-attr]

    def has_take_away_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("django_q.delete_failure"))  # type: ignore[union-attr]

    @admin.display(description=_("tâche"), ordering="name")
    def task(self, dead: Failure) -> str:
        return dead.name or "?"

    @admin.display(description=_("essais"), ordering="attempt_count")
    def tries(self, dead: Failure) -> int:
        return int(dead.attempt_count)

    @admin.display(description=_("premier essai"), ordering="started")
    def first_try(self, dead: Failure) -> str:
        return _moment(dead.started)

    @admin.display(description=_("dernier essai"), ordering="stopped")
    def last_try(self, dead: Failure) -> str:
        return _moment(dead.stopped)

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
            "title": _("Retirer des travaux abandonnés"),
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
