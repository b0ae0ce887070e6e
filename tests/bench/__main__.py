"""``make bench [ROWS="stamp card"] [FRESH=1] [EXPLAIN=1]``: the table, and the same as JSON."""

import os
import pkgutil
import sys
import time
import traceback
from importlib import import_module

from tests.bench import rows
from tests.bench.ground import FOLDER, Ground, prepare
from tests.bench.report import Row, as_table, machine, write
from tests.bench.statements import explain


def main() -> None:
    known = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    wanted = os.environ.get("ROWS", "").split() or known
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise SystemExit(f"Inconnu : {', '.join(unknown)}. Il y a : {', '.join(known)}")
    prepare()
    ground, found, broken = Ground(), list[Row](), list[str]()
    if os.environ.get("EXPLAIN"):
        _explain(ground, wanted)
        return
    for name in wanted:
        print(f"· {name}", end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            found += import_module(f"tests.bench.rows.{name}").measure(ground)
        except Exception:  # told, and the rows that are measured already are not lost
            traceback.print_exc()
            broken.append(name)
        print(f" ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    print(as_table(found))
    print("\n" + "  ".join(f"{name}: {value}" for name, value in machine().items()))
    print(write(found, FOLDER))
    if broken:
        raise SystemExit(f"Sans mesure : {', '.join(broken)}")


def _explain(ground: Ground, wanted: list[str]) -> None:
    """A row's ``hot(ground)`` says which requests are; the others have none."""
    for name in wanted:
        hot = getattr(import_module(f"tests.bench.rows.{name}"), "hot", None)
        print(f"· {name}{'' if hot else ' : aucune requête'}", file=sys.stderr, flush=True)
        for request in hot(ground) if hot else ():
            print(explain(ground, request), flush=True)


if __name__ == "__main__":
    main()
