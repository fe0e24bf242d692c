"""The hands of a person who works on a running world: AWS, the control routes of the far ends, `kubectl exec`."""
