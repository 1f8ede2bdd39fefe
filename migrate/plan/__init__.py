"""The plan: the directory that people review, keep in git and apply. Written, read and checked here."""
