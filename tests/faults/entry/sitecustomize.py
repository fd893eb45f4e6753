"""Installs fault injection in the site's processes, without changing the site's commands.

Python imports this file at startup because the runner puts this folder on PYTHONPATH. The patches
are applied when ``wsgi`` is imported: by then, everything they need can be imported.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _BeforeWsgi(MetaPathFinder):
    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if name == "wsgi":
            sys.meta_path.remove(self)
            from tests.faults import injection

            injection.install()


sys.meta_path.insert(0, _BeforeWsgi())
