"""Anybody's files: `files` reads rows of any format, `layouts` finds problem and response in them,
`rows` makes tables of them with the unreadable counted."""

from . import files, hub, layouts, outputs
from .rows import Rows, load, load_each, summary, unite

__all__ = [
    "Rows",
    "files",
    "hub",
    "layouts",
    "load",
    "load_each",
    "outputs",
    "summary",
    "unite",
]
