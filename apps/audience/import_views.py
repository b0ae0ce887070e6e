"""An import, step by step: the file, what its columns mean, the way, the report."""

import csv
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.audience.forms import LayoutForm, MappingForm, UploadForm
from apps.audience.importing import (
    REASONS,
    TASK,
    change_layout,
    counts,
    drop,
    layout_of,
    look,
    start,
    upload,
)
from apps.audience.models import Fate, ImportRun, ImportState
from apps.audience.reading import read_person
from apps.core.doors import door
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.tenancy import current_schema, in_schema

STUCK = timedelta(minutes=3)


class _Echo:
    """A file that gives back what it is asked to write: csv rows, streamed."""

    def write(self, text: str) -> str:
        return text


def _told(reasons: str) -> str:
    return ", ".join(str(REASONS[code]) for code in reasons.split(",") if code in REASONS)


@door(Right.IMPORT_EXPORT)
@require_http_methods(["GET", "HEAD", "POST"])
def import_start(request: TeamRequest) -> HttpResponse:
    """Choose a file; earlier imports below."""
    form, status = UploadForm(), 200
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        status = 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            if file.size > settings.MAX_IMPORT_BYTES:
                most = filesizeformat(settings.MAX_IMPORT_BYTES)
                form.add_error(
                    "file", f"Ce fichier dépasse {most}. Coupez-le en plusieurs fichiers."
                )
                status = 413
            else:
                try:
                    run = upload(request.shop, file, by=actor(request), now=timezone.now())
                    return redirect("import_run", run.pk)
                except Refusal as refusal:
                    form.add_error("file", str(refusal))
                    status = refusal.status
    runs = ImportRun.objects.exclude(state=ImportState.DROPPED).order_by("-pk")[:10]
    context = {"section": "contacts", "form": form, "runs": runs}
    return render(request, "audience/import_start.html", context, status=status)


def _run(pk: int) -> ImportRun:
    return get_object_or_404(ImportRun.objects.exclude(state=ImportState.DROPPED), pk=pk)


@door(Right.IMPORT_EXPORT)
@require_http_methods(["GET", "HEAD", "POST"])
def import_run(request: TeamRequest, pk: int) -> HttpResponse:
    """The draft to check, the progress, or the report: wherever this import stands."""
    run = _run(pk)
    if run.state == ImportState.DRAFT:
        return _draft(request, run)
    if request.method == "POST":
        return redirect("import_run", run.pk)
    found = counts(run)
    context = {
        "section": "contacts",
        "run": run,
        "counts": [(fate.value, str(fate.label), found[fate]) for fate in Fate],
        "stuck": timezone.now() - run.touched_at > STUCK,
        "lines": [
            (line.number, line.contact_id, line.get_fate_display(), _told(line.reasons), line.fate)
            for line in run.lines.exclude(reasons="").order_by("number")[:200]
        ],
        "more": max(run.lines.exclude(reasons="").count() - 200, 0),
    }
    part = "#progress" if request.htmx and run.state == ImportState.RUNNING else ""
    if request.htmx and not part:
        # The run ended while the page looked on: the whole page has the report.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, f"audience/import_run.html{part}", context)


def _draft(request: TeamRequest, run: ImportRun) -> HttpResponse:
    act = request.POST.get("act", "")
    if act == "drop":
        drop(run, by=actor(request))
        messages.success(request, "Import abandonné, le fichier est effacé.", extra_tags="good")
        return redirect("import")
    if act == "layout":
        return _read_otherwise(request, run)
    header, _sample = look(run)
    posted = request.POST if act in {"preview", "start"} else None
    form = MappingForm(posted, width=len(header), mapping=run.mapping)
    if posted is None or not form.is_valid() or act == "preview":
        return _draft_page(request, run, form)
    try:
        start(
            run,
            mapping=form.mapping,
            tag=" ".join(form.cleaned_data["tag"].split()),
            consent_origin=form.cleaned_data["consent_origin"],
            by=actor(request),
            now=timezone.now(),
        )
    except Refusal as refusal:
        return _draft_page(request, run, form, error=str(refusal))
    return redirect("import_run", run.pk)


def _read_otherwise(request: TeamRequest, run: ImportRun) -> HttpResponse:
    layout_form = LayoutForm(request.POST)
    error = ""
    if layout_form.is_valid():
        try:
            change_layout(run, layout_form.layout, request.shop.region)
            return redirect("import_run", run.pk)
        except Refusal as refusal:
            error = str(refusal)
    header, _sample = look(run)
    form = MappingForm(width=len(header), mapping=run.mapping)
    return _draft_page(request, run, form, layout_form=layout_form, error=error)


def _draft_page(
    request: TeamRequest,
    run: ImportRun,
    form: MappingForm,
    *,
    layout_form: LayoutForm | None = None,
    error: str = "",
) -> HttpResponse:
    header, sample = look(run)
    mapping = form.mapping if form.is_bound and form.is_valid() else run.mapping
    layout_form = layout_form or LayoutForm.of(layout_of(run))
    columns = [
        (form[f"column_{n}"], name, [cells[n] for cells in sample if any(cells[n : n + 1])][:3])
        for n, name in enumerate(header)
    ]
    today, region = timezone.localdate(), request.shop.region
    read = [read_person(cells, mapping, region, today) for cells in sample]
    earlier = ImportRun.objects.filter(digest=run.digest, state=ImportState.DONE)
    context = {
        "section": "contacts",
        "run": run,
        "form": form,
        "layout_form": layout_form,
        "error": error,
        "columns": columns,
        "people": [(person, [str(REASONS[code]) for code in person.doubts]) for person in read],
        "seen_before": earlier.order_by("-pk").first(),
    }
    bad = bool(error or form.errors or layout_form.errors)
    part = "#preview" if request.htmx and request.POST.get("act") == "preview" else ""
    name = f"audience/import_draft.html{part}"
    return render(request, name, context, status=422 if bad else 200)


@door(Right.IMPORT_EXPORT)
@require_POST
def import_resume(request: TeamRequest, pk: int) -> HttpResponse:
    """A worker died and nobody took over: start again behind the last whole batch."""
    run = _run(pk)
    if run.state == ImportState.RUNNING:
        enqueue(TASK, run.pk)
        ImportRun.objects.filter(pk=run.pk).update(touched_at=timezone.now())
    return redirect("import_run", run.pk)


@door(Right.IMPORT_EXPORT)
@require_safe
def import_report(request: TeamRequest, pk: int) -> StreamingHttpResponse:
    """Each line's fate as CSV, for a spreadsheet."""
    run = _run(pk)
    if run.state != ImportState.DONE:
        raise Http404
    return StreamingHttpResponse(
        _report(run, current_schema()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="import-{run.pk}.csv"'},
    )


def _report(run: ImportRun, schema: str) -> Iterator[str]:
    writer = csv.writer(_Echo(), delimiter=";", lineterminator="\r\n")  # type: ignore[arg-type]
    with in_schema(schema):
        yield "\ufeff"
        yield writer.writerow(["Ligne", "Résultat", "Raison", "Client"])  # type: ignore[misc]
        for line in run.lines.order_by("number").iterator(chunk_size=500):
            row = [line.number, line.get_fate_display(), _told(line.reasons), line.contact_id or ""]
            yield writer.writerow(row)  # type: ignore[misc]
