"""The Docker edge: finds engines, reads them, and alone imports docker, when it is used."""

from .connect import Endpoint, Tls, endpoint_of
from .discovery import discover

__all__ = ["Endpoint", "Tls", "discover", "endpoint_of"]
