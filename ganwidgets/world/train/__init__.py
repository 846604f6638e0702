"""The scripts that trained each bundled net, and can train it further."""
