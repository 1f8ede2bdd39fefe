"""Captures on disk: documents as they were read, secret values apart, and what is shared without values."""

from .directory import read_capture, refuse_taken, write_capture
from .redaction import left_in_clear, redact

__all__ = ["left_in_clear", "read_capture", "redact", "refuse_taken", "write_capture"]
