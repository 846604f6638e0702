"""storybook-style's pictures hold what the renders hold, and are no copies of them."""

from claims.drawn import claim_of

CLAIM = claim_of("style", "storybook-style")
