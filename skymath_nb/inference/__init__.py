"""How are models asked? Teachers behind servers, the reply store, local generation.

Serves 02 and 05.
"""
