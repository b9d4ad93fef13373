"""What can be asked from the command line? gate, coreset, grade, compare, doctor, forecast,
prefetch, bundle.
"""
