"""Objects: one kind of Kubernetes object a module, each a function from a workload to plain dicts and verdicts."""
