"""The platform's own admin: staff with a second factor proven in this very session."""

from collections.abc import Iterable
from functools import update_wrapper
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ

from apps.accounts.services import has_second_factor
from apps.core.doors import public
from apps.core.models import JobTry
from apps.core.network import safe_path
from apps.core.queries import backlog, living, oldest_due, wedged
from apps.core.tenancy import across_shops, in_schema
from apps.invoicing.push_models import Bookkeeper, Delivery
from apps.invoicing.push_models import State as PieceState
from apps.messaging.models import Message, Status
from apps.shops.models import Shop
from apps.wallet.expiry import endings

SHOWN = 200
LANES = (_("urgent"), _("ordinaire"), _("en dernier"))


def proven_twice(request: HttpRequest) -> bool:
    """Whether this session was opened, or confirmed since, with a second factor."""
    records: Iterable[dict[str, Any]] = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" for record in records)


class ComptoirAdmin(AdminSite):
    """Not Django's default site, on which packages register whatever they like."""

    site_header = site_title = _("Comptoir, administration")
    index_title = _("La plateforme")
    site_url = None

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and proven_twice(request))  # type: ignore[union-attr]

    @public
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who may not be here is sent to what is missing: sign-in, a second factor, its code."""
        path_back = safe_path(request.GET.get(REDIRECT_FIELD_NAME, "")) or "/"
        back = urlencode({REDIRECT_FIELD_NAME: path_back})
        user = request.user
        if not user.is_authenticated:
            return HttpResponseRedirect(f"{settings.LOGIN_URL}?{back}")
        if not user.is_staff:
            raise PermissionDenied
        if not has_second_factor(user):  # type: ignore[arg-type]
            return HttpResponseRedirect(reverse("mfa_activate_totp"))
        if not proven_twice(request):
            return HttpResponseRedirect(f"{reverse('mfa_reauthenticate')}?{back}")
        return HttpResponseRedirect(path_back)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Who has been let in sees the shared rows of every shop, until the page is written."""

        def seeing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with across_shops():
                response = view(request, *args, **kwargs)
                return response.render() if isinstance(response, TemplateResponse) else response

        return super().admin_view(update_wrapper(seeing, view), cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        failed, work = self.admin_view(self.failed_messages), self.admin_view(self.work)
        pieces = self.admin_view(self.pieces)
        for page in (failed, work, pieces):
            page.admin_site = self  # type: ignore[attr-defined]  # as on all pages of the site
        return [
            path("boutiques/<int:pk>/messages-en-echec/", failed, name="failed_messages"),
            path("boutiques/<int:pk>/comptabilite/", pieces, name="bookkeeping_pieces"),
            path("travail/", work, name="work"),
            *super().get_urls(),
        ]

    def failed_messages(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What did not arrive in one shop: ids, channels and codes, never a person or a text."""
        if not request.user.has_perm("shops.view_shop"):  # type: ignore[union-attr]
            raise PermissionDenied
        shop = get_object_or_404(Shop, pk=pk)
        columns = ("pk", "channel", "kind", "cause", "status", "reason", "tries", "created_at")
        with in_schema(shop.schema_name):
            wanted = Message.objects.filter(status__in=(Status.FAILED, Status.UNKNOWN))
            rows = list(wanted.order_by("-pk").values(*columns)[:SHOWN])
        context = {
            **self.each_context(request),
            "title": _("Messages en échec : %(shop)s") % {"shop": shop.name},
            "rows": rows,
            "shown": SHOWN,
        }
        return render(request, "ops/failed_messages.html", context)

    def pieces(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What did not reach one shop's bookkeeper: ids and codes, never a name or an amount."""
        if not request.user.has_perm("shops.view_shop"):  # type: ignore[union-attr]
            raise PermissionDenied
        shop = get_object_or_404(Shop, pk=pk)
        columns = ("pk", "record_id", "what", "state", "code", "tries", "due_at", "claimed_at")
        with in_schema(shop.schema_name):
            keepers = list(Bookkeeper.objects.values("pk", "target", "standing", "why", "cursor"))
            wanted = Delivery.objects.exclude(state=PieceState.SENT).order_by("-pk")
            rows = list(wanted.values(*columns)[:SHOWN])
        context = {
            **self.each_context(request),
            "title": _("Pièces comptables : %(shop)s") % {"shop": shop.name},
            "keepers": keepers,
            "rows": rows,
            "shown": SHOWN,
        }
        return render(request, "ops/bookkeeping_pieces.html", context)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The index says at its head what staff must look at."""
        told = {
            "dead_jobs": Failure.objects.count(),
            "workers_alive": living().count(),
            "is_wedged": wedged(),
            "endings": endings(timezone.now()),
        }
        return super().index(request, {**(extra_context or {}), **told})

    def work(self, request: HttpRequest) -> HttpResponse:
        """Who works, at what, and what waits in which shop: schemas and counts alone."""
        if not request.user.has_perm("django_q.view_ormq"):  # type: ignore[union-attr]
            raise PermissionDenied
        running = JobTry.objects.exclude(worker="").values_list("worker", "job_id")
        rows = OrmQ.objects.in_bulk([job for _, job in running])
        busy = {worker: rows[job].name() for worker, job in running if job in rows}
        workers = [(one, busy.get(one.token, "")) for one in living().order_by("host", "pid")]
        names = dict(Shop.objects.values_list("schema_name", "name"))
        context = {
            **self.each_context(request),
            "title": _("Le travail en ce moment"),
            "workers": workers,
            "waiting": [(names.get(b.schema, b.schema), LANES[b.lane], b) for b in backlog()],
            "delayed": OrmQ.objects.filter(lock__gt=timezone.now()).count(),
            "oldest": oldest_due(),
            "dead_jobs": Failure.objects.count(),
            "is_wedged": wedged(),
        }
        return render(request, "ops/work.html", context)


site = ComptoirAdmin(name="admin")
