"""How are notebooks run? Params files, papermill, sweeps, run folders, run pages.

Knows no mathematics.
"""
