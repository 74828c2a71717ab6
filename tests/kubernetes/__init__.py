"""`deploy/kubernetes/` against the schemas of Kubernetes and against what those can't see: `just kubernetes`."""
