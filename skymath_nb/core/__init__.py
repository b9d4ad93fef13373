"""What every part stands on: columns, paths, locks, random streams, manifests, intervals.

Serves all notebooks.
"""
