"""What a shop takes home of its sealed records: the register itself, its hashes, a table for
people, each invoice as a PDF, and how to read and prove all of it in ten years without this
program."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage

from apps.core.container import BLOCK, Writer
from apps.core.sheets import STYLES, csv_pieces
from apps.core.tenancy import in_schema
from apps.invoicing.models import Invoice, Paper, PaperState, Record
from apps.shops.models import Shop

KIND, FORMAT = "comptoir-factures", 1
_COLUMNS = ("Numéro", "Date", "Client", "HT", "TVA", "TTC", "Corrige", "Maillon", "PDF")
README = """\
REGISTRE SCELLÉ DES FACTURES, PAIEMENTS ET CLÔTURES

Entreprise : {name}, SIREN {siren}. Archive faite le {day} par Comptoir {version}.
{count} maillons ; empreinte du dernier : {last}

Comment le lire, même dans dix ans, sans aucun logiciel de Comptoir
  C’est un fichier ZIP ordinaire.
  registre.jsonl   un maillon par ligne, en UTF-8 : du texte JSON, tel qu’il a été scellé.
      record    son numéro, à partir de 1, sans trou        at, on   le moment (UTC), le jour
      kind      invoice (facture ou avoir), payment (paiement), closure (clôture),
                movement (ce qui a bougé sur le compte des paiements en ligne)
      previous  l’empreinte du maillon d’avant (64 zéros avant le premier)
    d’une facture : number (F… facture, A… avoir), type, series et position (sa place dans la
      série), seller (vendeur), buyer (client), contact et purchase (leurs numéros dans Comptoir),
      lines (lignes : label désignation, of la ligne qu’un avoir reprend, quantity en millièmes,
      unit_cents prix unitaire, discount_share et discount_cents remise, amount_cents montant,
      net_cents montant hors taxe, vat taux), taxed (prix TVA comprise), currency, bases (par taux
      de TVA : base et taxe), net_cents, vat_cents, total_cents, due_on (échéance), paid_on (payée
      avant d’être émise), operation (goods biens, services, mixed les deux), supplied_on
      (livraison), delivery (son lieu), mentions, note, corrects et reason (d’un avoir)
    d’un paiement : invoice (la facture), amount_cents (négatif : rendu), method (cash espèces,
      card carte, transfer virement, cheque chèque, online en ligne), paid_on, reverses (le maillon
      repris)
    d’une clôture : period (day jour, month mois, year année), starts, ends, totals (totaux de la
      période), perpetual (totaux depuis toujours)
    d’un mouvement : what (fee frais, share part de Comptoir, contested contestation, lost
      contestation perdue, returned remboursement revenu, payout versement), about (son nom chez
      Stripe), amount_cents (négatif : la boutique a moins), moved_on
    Les montants sont en centimes, les taux en dix-millièmes (2000 = 20 %).
  empreintes.txt   le numéro de chaque maillon et son empreinte.
  factures.csv     les factures et avoirs en tableau (séparateur ;), pour un tableur.
  pdf/             chaque facture et avoir tel qu’il a été remis : un PDF/A-3 (ISO 19005-3), que
    tout lecteur de PDF ouvre. Il contient la pièce jointe factur-x.xml (norme EN 16931), la même
    facture pour les logiciels ; pour l’en sortir, par exemple sous Linux :
      pdfdetach -saveall pdf/F2026-00001.pdf
    Le tableau nomme le PDF de chaque pièce ; il n’en nomme pas là où il restait à faire. Le
    registre fait foi : le PDF en est dessiné, et se redessine de lui.

Comment prouver que rien n’a changé
  L’empreinte d’un maillon est le SHA-256 des octets de sa ligne, sans la fin de ligne ; le maillon
  suivant la porte dans « previous ». Par exemple pour le maillon 7, sous Linux :
      sed -n 7p registre.jsonl | tr -d '\\n' | sha256sum
  Un seul caractère changé, un maillon retiré ou ajouté, et toutes les empreintes suivantes sont
  fausses. Conservez l’empreinte du dernier maillon à part : elle prouve tout ce qui précède.

Comment prouver que cette archive est intacte
  manifest.json donne le SHA-256 de chaque fichier. Le commentaire du ZIP (ses 71 derniers octets)
  est « sha256: » suivi du SHA-256 de tout ce qui précède :
      head -c -71 archive.zip | sha256sum ; tail -c 71 archive.zip

À garder dix ans après la clôture de l’exercice (C. com. L123-22).
"""


def file_name(shop: Shop, now: datetime) -> str:
    return f"factures-{shop.slug}-{now:%Y-%m-%d}.zip"


def archive(shop: Shop, now: datetime) -> Iterator[bytes]:
    """The archive of ``shop``, piece by piece, once it stands whole in a file of its own."""
    with in_schema(shop.schema_name), TemporaryFile() as kept:
        write_archive(kept, shop, now)
        kept.seek(0)
        while block := kept.read(BLOCK):
            yield block


def write_archive(out: IO[bytes], shop: Shop, now: datetime) -> None:
    """Write the current shop's archive to ``out``, in constant memory."""
    writer = Writer(out)
    try:
        writer.add("registre.jsonl", (f"{body}\n".encode() for (body,) in _read("body")))
        sums = (f"{number} {hash_}\n".encode() for number, hash_ in _read("number", "hash"))
        writer.add("empreintes.txt", sums)
        papers = {number for number, file in _papers() if _kept(writer, number, file)}
        writer.add("factures.csv", csv_pieces(_COLUMNS, _table(papers), STYLES["excel"]))
        writer.add("LISEZMOI.txt", [_readme(shop, now).encode()])
        head = {"what": KIND, "format": FORMAT, "version": settings.VERSION}
        writer.close({**head, "made_at": now.isoformat(), "slug": shop.slug})
    except BaseException:
        writer.abandon()
        raise


def _read(*columns: str) -> Iterator[tuple[str, ...]]:
    return Record.objects.order_by("number").values_list(*columns).iterator(2000)


def _papers() -> Iterator[tuple[str, str]]:
    ready = Paper.objects.filter(state=PaperState.READY).order_by("invoice")
    return ready.values_list("invoice__number", "file").iterator(2000)


def _kept(writer: Writer, number: str, file: str) -> bool:
    """Put the file of an invoice into the archive, if it lies where it should."""
    try:
        stored = default_storage.open(file)
    except FileNotFoundError:
        return False
    with stored:
        writer.add(_place(number), stored.chunks())
    return True


def _place(number: str) -> str:
    return f"pdf/{number}.pdf"


def _table(papers: set[str]) -> Iterator[list[object]]:
    bills = Invoice.objects.select_related("corrects").order_by("record_id")
    for bill in bills.iterator(2000):
        sums = (bill.net_cents, bill.vat_cents, bill.total_cents)
        amounts = [Decimal(cents) / 100 for cents in sums]
        corrects = bill.corrects.number if bill.corrects else ""
        pdf = _place(bill.number) if bill.number in papers else ""
        yield [bill.number, bill.issued_on, bill.buyer, *amounts, corrects, bill.pk, pdf]


def _readme(shop: Shop, now: datetime) -> str:
    last = Record.objects.order_by("-number").first()
    return README.format(
        name=shop.legal_name or shop.name,
        siren=shop.siren or "inconnu",
        day=f"{now:%d/%m/%Y}",
        version=settings.VERSION,
        count=last.number if last else 0,
        last=last.hash if last else "aucun maillon",
    )
