"""Allow kube-proxy to read EndpointSlices, which the API refuses it (403): a ClusterRole of one rule, and its binding.

By hand: `kubectl auth can-i list endpointslices.discovery.k8s.io --as=system:serviceaccount:NAMESPACE:NAME`; its
roles are those that `kubectl get clusterrolebindings -o wide` shows for that account, and stay as they are. Undo: role
and binding are deleted. Where more than EndpointSlices is refused the plan is advice. Cost: four calls. Playbook:

    fixes:
      - fix: grant_kube_proxy_endpointslices
        risk: low
"""

from __future__ import annotations

from bot.fixes import _role_grants as grants

FIX = grants.fix("grant_kube_proxy_endpointslices", "kube-proxy")
