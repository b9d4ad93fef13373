"""What do cells show? Figures, browsers of rows, the prompt lab, exercises."""
