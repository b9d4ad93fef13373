"""What every part stands on: row schemas, run folders, random streams, devices, intervals.

Serves all notebooks.
"""
