"""Which problems are kept? Decontamination, near-duplicate removal, embeddings, core-sets.

Serves 01 and 03.
"""
