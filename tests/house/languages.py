"""What customers read, found without gettext's tools, and the catalogues that translate it.

``python -m tests.house.languages`` brings ``locale/en`` and ``locale/es`` up to the sources (a new
sentence arrives empty, a gone one leaves), gives ``locale/fr`` every plural of the project (French
counts 0 in the singular, and without a catalogue ``ngettext`` says « 0 clients »), keeps what a
hand wrote there for the packages, and compiles every ``.mo``.
"""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polib
from django.conf import settings
from django.utils import translation
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("en", "es")
CUSTOMERS_TEMPLATES = (
    "base.html",
    "customer*.html",
    "refusal.html",
    "campaigns/public/*",
    "club/mail/*",
    "club/public/*",
    "legal/public/*",
    "loyalty/mail/*",
    "loyalty/public/*",
    "messaging/choices.html",
    "messaging/public/*",
    "shops/personal_data.html",
)
CUSTOMERS_PYTHON = (
    "*/customer_*.py",
    "campaigns/booking_notes.py",
    "campaigns/bookings.py",
    "club/box_notes.py",
    "club/boxes.py",
    "club/carriers.py",
    "club/filling.py",
    "club/services/giving.py",
    "club/services/joining.py",
    "club/services/waiting.py",
    "club/services/welcoming.py",
    "club/letters.py",
    "club/services/door.py",
    "club/services/keeping.py",
    "club/services/leaving.py",
    "contacts/channels.py",
    "contacts/consent.py",
    "core/ratelimit.py",
    "core/templatetags/french.py",
    "core/views.py",
    "loyalty/card_links.py",
    "loyalty/joining.py",
    "loyalty/pocket.py",
    "loyalty/proving.py",
    "loyalty/rule.py",
    "messaging/channels/*.py",
    "messaging/stopping.py",
    "messaging/subscribing.py",
    "wallet/faces.py",
    "wallet/saving.py",
)
# Classes and tables whose sentences reach customers from files that mostly speak to the team.
CUSTOMERS_CLASSES = {
    "catalog/details.py": ("WINE_COLOURS",),
    "club/models.py": ("ChosenBy", "Every", "Handover", "State"),
    "club/services/planning.py": ("PlanGone",),
    "contacts/age.py": ("Minor",),
    "contacts/models.py": ("ConsentState",),
    "contacts/services.py": ("WrongPhone",),
    "legal/services.py": ("NotInForce",),
}
_CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}
_TEMPLATE_CALL = re.compile(
    r"""\b(?:_|n?gettext)\(\s*(u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))"""
    r"""(?:\s*,\s*(u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")))?"""
)


@dataclass(frozen=True)
class Sentence:
    """A source string, its plural when it has one, and where it stands."""

    text: str
    plural: str
    where: str


def _in_python(tree: ast.AST, where: str) -> Iterator[Sentence]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        said = [a.value for a in node.args if isinstance(a, ast.Constant)]
        texts = [text for text in said if isinstance(text, str)]
        if node.func.id in _CALLS and texts:
            yield Sentence(texts[0], texts[1] if len(texts) > 1 else "", where)


def _in_template(path: Path) -> Iterator[Sentence]:
    for found in _TEMPLATE_CALL.finditer(templatize(path.read_text())):
        texts = [ast.literal_eval(text) for text in found.groups() if text]
        yield Sentence(texts[0], texts[1] if len(texts) > 1 else "", str(path.relative_to(ROOT)))


def _name(node: ast.stmt) -> str:
    """Of a class, or of a table at the top of its file."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return node.name if isinstance(node, ast.ClassDef) else ""


def customers_sentences() -> dict[str, Sentence]:
    """Every string that a customer may read, by its French text."""
    found: dict[str, Sentence] = {}
    for pattern in CUSTOMERS_TEMPLATES:
        for path in sorted((ROOT / "templates").glob(pattern)):
            found.update({s.text: s for s in _in_template(path)})
    for pattern in CUSTOMERS_PYTHON:
        for path in sorted((ROOT / "apps").glob(pattern)):
            tree = ast.parse(path.read_text())
            found.update({s.text: s for s in _in_python(tree, str(path.relative_to(ROOT)))})
    for name, classes in CUSTOMERS_CLASSES.items():
        path = ROOT / "apps" / name
        for node in ast.parse(path.read_text()).body:
            if _name(node) in classes:
                found.update({s.text: s for s in _in_python(node, f"apps/{name}")})
    return found


def plural_sentences() -> dict[str, Sentence]:
    """Every string with a plural, the team's too."""
    found: dict[str, Sentence] = {}
    for path in sorted((ROOT / "templates").rglob("*.*")):
        found.update({s.text: s for s in _in_template(path) if s.plural})
    for path in sorted((ROOT / "apps").rglob("*.py")):
        tree = ast.parse(path.read_text())
        where = str(path.relative_to(ROOT))
        found.update({s.text: s for s in _in_python(tree, where) if s.plural})
    return found


def own_sentences() -> set[str]:
    """Every string of the project itself: French as it stands."""
    found = {name for _code, name in settings.LANGUAGES}  # each in its own language
    for path in (ROOT / "templates").rglob("*.*"):
        found.update(s.text for s in _in_template(path))
    for folder in ("apps", "config"):
        for path in (ROOT / folder).rglob("*.py"):
            found.update(s.text for s in _in_python(ast.parse(path.read_text()), ""))
    return found


@contextmanager
def packages_without_french() -> Iterator[set[str]]:
    """Fills with the packages' strings that were shown in French and stayed as they were.

    Open pages inside it; what it holds afterwards belongs into ``locale/fr``.
    """
    heard: set[str] = set()
    active, own = translation._trans, own_sentences()
    gettext = active.gettext

    def listening(message: str) -> str:
        said = gettext(message)
        plain = said == message and any(c.isalpha() for c in message)
        if plain and translation.get_language() == "fr" and message not in own:
            heard.add(message)
        return said

    active.gettext = listening
    try:
        yield heard
    finally:
        active.gettext = gettext


def catalogue(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def _empty(language: str, plural: str) -> polib.POFile:
    made = polib.POFile()
    made.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": language,
        "Plural-Forms": f"nplurals=2; plural=({plural});",
    }
    return made


def _entry(sentence: Sentence, before: polib.POEntry | None) -> polib.POEntry:
    entry = polib.POEntry(msgid=sentence.text, occurrences=[(sentence.where, "")])
    if sentence.plural:
        entry.msgid_plural = sentence.plural
        entry.msgstr_plural = before.msgstr_plural if before else {0: "", 1: ""}
    else:
        entry.msgstr = before.msgstr if before else ""
    if "%(" in sentence.text:
        entry.flags = ["python-format"]
    return entry


def _read(language: str) -> dict[str, polib.POEntry]:
    path = catalogue(language)
    return {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}


def refresh(language: str) -> polib.POFile:
    """The catalogue with exactly the sentences of today; what was translated is kept."""
    old, made = _read(language), _empty(language, "n != 1")
    for text, sentence in sorted(customers_sentences().items()):
        made.append(_entry(sentence, old.get(text)))
    return made


def refresh_french() -> polib.POFile:
    """French plurals from the sources, and what was written by hand for the packages."""
    made = _empty("fr", "n > 1")
    for sentence in sorted(plural_sentences().values(), key=lambda found: found.text):
        said = polib.POEntry(msgstr_plural={0: sentence.text, 1: sentence.plural})
        made.append(_entry(sentence, said))
    for entry in _read("fr").values():
        if not entry.msgid_plural:
            made.append(entry)
    return made


def main() -> None:
    for language in TARGETS:
        made = refresh(language)
        catalogue(language).parent.mkdir(parents=True, exist_ok=True)
        made.save(str(catalogue(language)))
    catalogue("fr").parent.mkdir(parents=True, exist_ok=True)
    refresh_french().save(str(catalogue("fr")))
    for path in (ROOT / "locale").glob("*/LC_MESSAGES/django.po"):
        polib.pofile(str(path)).save_as_mofile(str(path.with_suffix(".mo")))


if __name__ == "__main__":
    main()
