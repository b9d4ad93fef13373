"""What do the paper's claims say here? Arms, scaling laws, takeaways, power. Serves 06 to 08."""
