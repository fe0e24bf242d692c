"""What Kubernetes' answers mean, as values. Pure: no calls, no clock; names of resources, labels and conditions."""
