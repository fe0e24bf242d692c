"""EKS, written here: moto has no add-ons, no cluster security group, one endpoint for all clusters."""
