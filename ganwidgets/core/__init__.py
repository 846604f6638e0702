"""The nouns that every other room speaks in: nets, latents, edits, regions, concepts, statistics and jobs."""
