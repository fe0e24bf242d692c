"""A package of units whose files a test writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def trial_package(name: str, folder: Path, beside: Sequence[str] = ()) -> Iterator[Callable[[str, str], ModuleType]]:
    """Give write(module, text), which puts a file into `folder` and returns the package.

    The package holds what lies in the folders `beside`, too. Its modules are forgotten when the context ends.
    """
    package = ModuleType(name)
    package.__path__ = [*beside, str(folder)]
    sys.modules[name] = package

    def write(module: str, text: str) -> ModuleType:
        (folder / f"{module}.py").write_text(text)
        return package

    yield write
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
