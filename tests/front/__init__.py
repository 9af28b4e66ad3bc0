"""k8s/envoy/envoy.yaml under a real Envoy, in front of a real service."""
