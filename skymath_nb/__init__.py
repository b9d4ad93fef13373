"""Notebooks that turn seed problems into a measured data scaling law for mathematical reasoning.

The package behind them.
"""
