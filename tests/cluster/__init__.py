"""The image in a real container engine, the manifests in a real cluster, as docs/kubernetes.md says (docs/adr/0013)."""
