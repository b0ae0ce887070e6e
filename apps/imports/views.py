"""An import, step by step: the file, what its columns mean, the way, the report."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.requests import TeamRequest, actor
from apps.core.doors import door
from apps.core.jobs import enqueue
from apps.core.refusal import Refusal
from apps.core.roles import Right
from apps.core.sheets import STYLES, csv_pieces
from apps.core.tenancy import current_schema, in_schema
from apps.imports.forms import LayoutForm, MappingForm, UploadForm
from apps.imports.intake import Intake, intakes
from apps.imports.models import Fate, ImportLine, ImportRun, ImportState
from apps.imports.services import (
    TASK,
    change_layout,
    counts,
    drop,
    intake_of,
    layout_of,
    line_of,
    look,
    start,
    upload,
)

STUCK = timedelta(minutes=3)
SHOWN = 200  # lines to look at, on the page; the report has them all


def _intake(slug: str) -> Intake:
    for intake in intakes().values():
        if intake.slug == slug:
            return intake
    raise Http404


def _told(line: ImportLine, intake: Intake) -> str:
    return ", ".join(intake.told(line.reasons.split(",")))


@door(Right.IMPORT_EXPORT)
@require_http_methods(["GET", "HEAD", "POST"])
def import_start(request: TeamRequest, slug: str) -> HttpResponse:
    """Choose a file; earlier imports below."""
    intake = _intake(slug)
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
                    by, now = actor(request), timezone.now()
                    run = upload(request.shop, file, kind=intake.kind, by=by, now=now)
                    return redirect("import_run", run.pk)
                except Refusal as refusal:
                    form.add_error("file", str(refusal))
                    status = refusal.status
    runs = ImportRun.objects.filter(kind=intake.kind).exclude(state=ImportState.DROPPED)
    context = {
        "section": intake.section,
        "intake": intake,
        "intakes": intakes().values(),
        "form": form,
        "runs": runs.order_by("-pk")[:10],
    }
    return render(request, "imports/start.html", context, status=status)


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
    found, intake = counts(run), intake_of(run)
    is_done = run.state == ImportState.DONE
    to_look_at = run.lines.exclude(reasons="") if is_done else ImportLine.objects.none()
    context = {
        "section": intake.section,
        "intake": intake,
        "run": run,
        "counts": [(fate.value, str(fate.label), found[fate]) for fate in Fate],
        "stuck": timezone.now() - run.touched_at > STUCK,
        "lines": [(line, _told(line, intake)) for line in to_look_at.order_by("number")[:SHOWN]],
        "more": max(to_look_at.count() - SHOWN, 0),
    }
    part = "#progress" if request.htmx and run.state == ImportState.RUNNING else ""
    if request.htmx and not part:
        # The run ended while the page looked on: the whole page has the report.
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, f"imports/run.html{part}", context)


def _draft(request: TeamRequest, run: ImportRun) -> HttpResponse:
    act = request.POST.get("act", "")
    if act == "drop":
        drop(run, by=actor(request))
        messages.success(request, "Import abandonné, le fichier est effacé.", extra_tags="good")
        return redirect("import", intake_of(run).slug)
    if act == "layout":
        return _read_otherwise(request, run)
    header, _sample = look(run)
    posted = request.POST if act in {"preview", "start"} else None
    form = _mapping_form(request, run, len(header), posted)
    if posted is None or not form.is_valid() or act == "preview":
        return _draft_page(request, run, form)
    try:
        start(
            run,
            mapping=form.mapping,
            options=form.options,
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
            change_layout(run, layout_form.layout, request.shop)
            return redirect("import_run", run.pk)
        except Refusal as refusal:
            error = str(refusal)
    header, _sample = look(run)
    form = _mapping_form(request, run, len(header))
    return _draft_page(request, run, form, layout_form=layout_form, error=error)


def _mapping_form(
    request: TeamRequest, run: ImportRun, width: int, posted: QueryDict | None = None
) -> MappingForm:
    intake, shop = intake_of(run), request.shop
    return MappingForm(posted, intake=intake, shop=shop, width=width, mapping=run.mapping)


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
    intake, now = intake_of(run), timezone.now()
    run.mapping = mapping
    lines = [line_of(run, request.shop, n, cells, now) for n, cells in enumerate(sample)]
    rows = [intake.read(line) for line in lines]
    earlier = ImportRun.objects.filter(kind=run.kind, digest=run.digest, state=ImportState.DONE)
    context = {
        "section": intake.section,
        "intake": intake,
        "run": run,
        "form": form,
        "layout_form": layout_form,
        "error": error,
        "columns": columns,
        "rows": [(row, intake.told(row.doubts)) for row in rows],
        "seen_before": earlier.order_by("-pk").first(),
    }
    bad = bool(error or form.errors or layout_form.errors)
    part = "#preview" if request.htmx and request.POST.get("act") == "preview" else ""
    name = f"imports/draft.html{part}"
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


def _report(run: ImportRun, schema: str) -> Iterator[bytes]:
    columns = ("Ligne", "Résultat", "Raison", "Fiche")
    with in_schema(schema):
        intake = intake_of(run)
        lines = run.lines.order_by("number").iterator(chunk_size=500)
        rows = (
            (line.number, line.get_fate_display(), _told(line, intake), line.subject_id)
            for line in lines
        )
        yield from csv_pieces(columns, rows, STYLES["excel"])
