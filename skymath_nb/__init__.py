"""Notebooks that turn seed problems into a measured data scaling law for mathematical reasoning: the package behind them."""

import sys

# jsonschema, which every reader of notebooks imports, looks for this parser of internationalised addresses and builds its grammar at once,
# in three seconds a process; without it one format, which no notebook has, is not checked.
sys.modules.setdefault("rfc3987_syntax", None)
