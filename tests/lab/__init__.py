"""How the tests start the real things that they need."""
