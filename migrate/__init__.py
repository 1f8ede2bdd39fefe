"""The edges of podlift: engines, files, clusters and the command. Imports ``converters``, never the other way."""
