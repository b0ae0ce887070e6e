"""When a message leaves by itself. A new way is one file in here with a ``Kind`` in it.

It may hear any fact that ``config/reactions.py`` already brings to ``campaigns.tasks``.
"""

from importlib import import_module
from pkgutil import iter_modules

from apps.campaigns.triggers.kind import Kind

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")

KINDS: dict[str, Kind] = {
    kind.key: kind() for kind in sorted(Kind.__subclasses__(), key=lambda kind: kind.title)
}
