"""How are notebooks run? Steps, params files, what is stale, papermill, sweeps, run pages.

Knows no mathematics.
"""

from .steps import start

__all__ = ["start"]
