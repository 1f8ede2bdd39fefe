"""The command: one file a command; each parses, calls the library and renders. Nobody imports it."""
