"""The Kubernetes edge: one cluster, read and written as plain dicts. Alone imports ``kubernetes``, and only for
credentials that a plugin or a provider gives."""

from .discovery import Resource
from .edge import JSON_PATCH, MERGE_PATCH, Cluster

__all__ = ["JSON_PATCH", "MERGE_PATCH", "Cluster", "Resource"]
