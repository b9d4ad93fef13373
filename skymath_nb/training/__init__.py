"""How are students trained? Curricula, SFT backends, cost, the tiny bases. Serves 04."""
