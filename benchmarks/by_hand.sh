#!/usr/bin/env bash
# What an on-call engineer types when names do not resolve: the documents' commands, in their order, one after another.
# A2–A4: the groups of the nodes and their rules. C1–C4: Service, endpoints, ACLs, kube-proxy. C5–C9: lookups from one
# pod. Reads only. The engineer then reads what this prints; that takes longer than printing it.
# Needs kubectl and aws on the PATH, their configuration in the environment, and CLUSTER and SELECTOR.
set -uo pipefail
: "${CLUSTER:?the name of the EKS cluster}" "${SELECTOR:?a label selector of application pods}"
step() { echo "== $*"; }

step "A2: the cluster security group"
aws eks describe-cluster --name "$CLUSTER" --query cluster.resourcesVpcConfig.clusterSecurityGroupId --output text

step "A3: the groups of every worker node"
instances=(aws ec2 describe-instances --filters "Name=tag:kubernetes.io/cluster/$CLUSTER,Values=owned" --output text)
groups=$("${instances[@]}" --query 'Reservations[].Instances[].SecurityGroups[].GroupId' | tr '\t' '\n' | sort | uniq -c)
echo "$groups"

step "A4: the rules of each group"
for group in $(awk '{print $2}' <<<"$groups"); do
  aws ec2 describe-security-group-rules --filters "Name=group-id,Values=$group" --output json
done

step "C1: the DNS service"
kubectl -n kube-system get service kube-dns
cluster_ip=$(kubectl -n kube-system get service kube-dns -o 'jsonpath={.spec.clusterIP}')

step "C2: its endpoints, and the pods behind them"
kubectl -n kube-system get endpoints kube-dns
kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide
pod_ips=$(kubectl -n kube-system get pods -l k8s-app=kube-dns -o 'jsonpath={.items[*].status.podIP}')
kubectl -n kube-system logs -l k8s-app=kube-dns

step "C3: the network ACLs of the nodes' subnets"
subnets=$("${instances[@]}" --query 'Reservations[].Instances[].SubnetId' | tr '\t' '\n' | sort -u | paste -sd, -)
aws ec2 describe-network-acls --filters "Name=association.subnet-id,Values=$subnets" --output json

step "C4: what kube-proxy says, on every node"
kubectl -n kube-system logs --selector k8s-app=kube-proxy

step "C5, C6: an application pod that has the tools, and its resolv.conf"
while read -r namespace name; do
  kubectl -n "$namespace" exec "$name" -- nslookup -version && break
done < <(kubectl get pods -A -l "$SELECTOR" --no-headers -o custom-columns=N:.metadata.namespace,P:.metadata.name)
pod() { kubectl -n "$namespace" exec "$name" -- "$@"; }
pod cat /etc/resolv.conf

step "C7, C8: by the service"
pod nslookup kubernetes.default.svc.cluster.local. "$cluster_ip"
pod nslookup amazon.com "$cluster_ip"

step "C9: by each CoreDNS pod"
for address in $pod_ips; do
  pod nslookup kubernetes.default.svc.cluster.local. "$address"
  pod nslookup amazon.com "$address"
done
exit 0
