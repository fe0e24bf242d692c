"""eks-dns-bot: diagnose and repair DNS in Amazon EKS clusters from Slack."""
