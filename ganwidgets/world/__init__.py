"""storybook, the bundled world: scenes as data, drawn to pictures with exact masks."""
