"""The demonstration's bookkeeper: a folder of this machine, one file for each piece, as it came.

Like an accountant it closes its months: what is older than ``CLOSED_AFTER`` it takes no more.
"""

import json
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.invoicing.providers.base import Bill, Company, Money, Party, Refused

CLOSED_AFTER = timedelta(days=70)


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def company(self) -> Company:
        return Company("carnet", "Démonstration")

    def put_party(self, party: Party, *, again: bool) -> str:
        return self._put(party.reference, asdict(party))

    def put_bill(self, bill: Bill, *, again: bool) -> str:
        self._must_be_open(bill.issued_on)
        said = {name: getattr(bill, name) for name in bill.__dataclass_fields__ if name != "file"}
        said["bases"] = [asdict(base) for base in bill.bases]
        return self._put(bill.reference, {**said, "file": f"{len(bill.file())} octets"})

    def put_money(self, money: Money, *, again: bool) -> str:
        return self._put(money.reference, asdict(money))

    def _must_be_open(self, day: date) -> None:
        if timezone.localdate() - day > CLOSED_AFTER:
            reason = _("Le mois de cette pièce est clos : le comptable ne la prend plus.")
            raise Refused("closed", reason)

    def _put(self, reference: str, said: dict[str, Any]) -> str:
        """Under its own name: written twice it is there once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = json.dumps(said, ensure_ascii=False, indent=2, default=str)
        partial = self.folder / f".{reference}"
        partial.write_text(whole)
        partial.rename(self.folder / f"{reference}.json")
        return reference

    def read(self, reference: str) -> str:
        """What came under ``reference``; empty when nothing did."""
        path = self.folder / f"{reference}.json"
        return path.read_text() if path.exists() else ""
