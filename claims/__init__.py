"""One script per claim, and the NAME.json that it wrote; README and lessons quote only these files."""
