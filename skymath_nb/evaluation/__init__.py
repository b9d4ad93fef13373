"""How good are the answers? Scores with 95% confidence intervals, paired tests, errors.

Serves 05.
"""
