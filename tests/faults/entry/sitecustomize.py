"""Puts faults into the site's own processes. Python imports this file at its start when
the bench has put this folder on PYTHONPATH; the site's commands stay what they are.

Patching waits until ``wsgi`` is imported: everything it needs can be imported then.
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
