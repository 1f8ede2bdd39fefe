"""Documents of a Docker scheduler in, Kubernetes objects and verdicts out. Pure: no files, no clients, no clock."""
