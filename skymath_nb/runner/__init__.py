"""How are notebooks run? Params files, papermill, sweeps, run folders, run pages.

Knows no mathematics.
"""

from .steps import start

__all__ = ["start"]
