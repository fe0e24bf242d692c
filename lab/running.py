"""A lab that runs: the sandbox's world and scenarios on a real cluster, with real packets between its nodes."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from bot.sandbox.network.branch_interfaces import AwsBranchMaker
from bot.sandbox.operator.operating import HttpOperator, call_json
from bot.sandbox.running.bot_files import bot_environment
from bot.sandbox.running.far_end_process import FarEndProcess
from bot.sandbox.running.probes import set_up_probes
from bot.sandbox.running.started import Started
from bot.sandbox.world.node_object import node_object
from bot.sandbox.world.plan import WorldPlan, draw_plan
from bot.sandbox.world.scenario import Scenario
from bot.sandbox.world.scenario_catalogue import find_scenario
from bot.sandbox.world.seeding import build
from bot.sandbox.world.world import CLUSTER, CLUSTER_DNS, REGION, World, WorldNode
from lab.bot_access import probing_documents, role_documents, write_bot_files
from lab.control_plane import KUBELETS, PORT, ControlPlane
from lab.fabric import Fabric, FabricVpc
from lab.following import Carrier, Following
from lab.kubernetes_api import Json
from lab.namespaces import Run, joined
from lab.node_agent.addresses import AddressPool, all_addresses
from lab.node_agent.agent import NodeAgent
from lab.node_agent.hands import AgentNode, Hands
from lab.node_agent.resolv_conf import KubeletSettings
from lab.on_premises import OnPremises
from lab.operator_hands import LabOperator
from lab.outside_hosts import OutsideHosts
from lab.pod_security_groups import PodSecurityGroups, define_policies
from lab.programs import Programs, built_programs
from lab.rest import Rest
from lab.service_questions import until_every_node_asks, until_rules_are_laid
from lab.vpc_answers import VpcKey
from lab.vpc_carriers import carriers_of
from lab.vpc_filter import VpcFilter


class _Founder(HttpOperator):
    """Builds the AWS side at once and keeps the Kubernetes objects for later: the cluster needs the VPC first."""

    def __init__(self, aws_url: str) -> None:
        super().__init__(aws_url=aws_url, kubernetes_url="")
        self.objects: list[Mapping[str, Any]] = []

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Keep the objects."""
        self.objects += objects


class RunningLab(Started):
    """Runs while the context lasts, with the attributes of `RunningWorld`; nothing is left behind.

    The calling thread is in the control plane's network namespace meanwhile, and so is every process and thread that it
    starts: there the bot finds the API server and the simulated AWS on loopback.
    """

    aws_url: str
    kubernetes_url: str
    directory: Path
    """Holds `kubeconfig.yaml` and `dnsbot.yaml`."""
    environment: dict[str, str]
    """What the bot's process needs besides its own secrets."""
    world: World
    scenario: Scenario
    operator: LabOperator
    run: Run
    fabric: Fabric
    control_plane: ControlPlane
    agent: NodeAgent
    kubectl_path: str
    filters: Mapping[str, VpcFilter]
    """By id of the VPC. Their counters show which packets flowed."""
    sites: Mapping[str, OnPremises]
    """Networks on premises, by name."""
    outside: dict[str, str]
    """Namespaces of the hosts in other VPCs, by the VPCs' names."""

    def __init__(
        self,
        *,
        scenario: str = "healthy",
        seed: int = 1,
        nodes: int | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.scenario = find_scenario(scenario)
        self._seed, self._nodes = seed, nodes
        self._programs = programs
        self._stack = contextlib.ExitStack()
        self.outside = {}

    def stop(self) -> None:
        """End everything and remove it."""
        self._stack.close()

    def start(self) -> None:
        """Start everything, build the world and break it."""
        programs = self._programs or built_programs()
        self.kubectl_path = programs.path("kubectl")
        plan = draw_plan(self._seed, self._nodes, self.scenario.neighbours, on_premises=self.scenario.on_premises)
        self.run = self._stack.enter_context(Run())
        self.fabric = _fabric(self.run, plan)
        self.sites = {site.name: OnPremises(self.run, site) for site in plan.on_premises}
        self._stack.enter_context(joined(self.fabric.control_plane))
        for vpc in self.fabric.vpcs:
            vpc.resolver.start(Path(programs.path("coredns")))
        for site in self.sites.values():
            self.fabric.link(self.fabric.home, site.wiring)
            site.start(Path(programs.path("coredns")), public_dns=self._public_dns)
        aws = FarEndProcess("bot.sandbox.aws", "--seed", str(self._seed))
        self._stack.callback(aws.stop)
        with ThreadPoolExecutor(1) as beside:
            starting = beside.submit(aws.start)
            self.control_plane = self._stack.enter_context(ControlPlane(self.run, self.fabric.control_plane, programs))
            self.aws_url = starting.result()
        self.kubernetes_url = f"https://127.0.0.1:{PORT}"
        founder = _Founder(self.aws_url)
        self.world = build(plan, founder)
        nodes = self._wire(founder)
        self._following = self._stack.enter_context(self._follow(Path(programs.path("coredns"))))
        self._populate(founder.objects, programs, nodes)
        self._give_to_bot(programs)
        self.scenario.acts(self.world, self.operator)
        self.operator.settle()
        self.aws_control("DELETE", "calls")

    def _wire(self, founder: HttpOperator) -> list[AgentNode]:
        """Attach everything that holds an address in the VPC; return the nodes."""
        found = founder.aws("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"]
        of_control_plane = [item["PrivateIpAddress"] for item in found if _is_control_plane(item)]
        self.fabric.add_control_plane_addresses(of_control_plane)
        nodes = []
        for node in self.world.nodes:
            own = [item for item in found if (item.get("Attachment") or {}).get("InstanceId") == node.instance_id]
            netns = self.fabric.home.attach_node(node.name, node.address, all_addresses(own, node.address))
            nodes.append(self._agent_node(node, netns, own))
        return nodes

    def _follow(self, coredns: Path) -> Following:
        """Return what lets packets, names and endpoints of every VPC be as AWS has them."""
        keys = [VpcKey(account=vpc.account, region=vpc.region, id=vpc.id) for vpc in self.world.vpcs]
        carriers: list[Carrier] = []
        self.filters = {}
        for wiring, vpc in zip(self.fabric.vpcs, keys, strict=True):
            self.filters[vpc.id] = VpcFilter(wiring.netns)
            carriers += carriers_of(self.fabric, wiring, vpc, self.filters[vpc.id], coredns)
        return Following(carriers, aws_url=self.aws_url, aws_netns=self.fabric.control_plane)

    def _agent_node(self, node: WorldNode, netns: str, interfaces: list[Json]) -> AgentNode:
        own = f"search {REGION}.compute.internal\nnameserver {self.fabric.home.resolver_address}\n"
        return AgentNode(
            name=node.name,
            netns=netns,
            address=node.address,
            document=node_object(self.world, node),
            pool=AddressPool(interfaces),
            settings=KubeletSettings(cluster_dns=CLUSTER_DNS, resolv_conf=own),
        )

    def _populate(self, objects: list[Mapping[str, Any]], programs: Programs, nodes: list[AgentNode]) -> None:
        folder = self.run.directory / "pods"
        folder.mkdir()
        api = self.control_plane.api()
        define_policies(api)
        maker = AwsBranchMaker(self.aws_url, region=REGION)
        hands = Hands(
            api=self.control_plane.api(KUBELETS),
            wiring=self.fabric.home,
            run=self.run,
            programs=programs,
            folder=folder,
            authority=self.control_plane.certificates.authority,
            pod_groups=PodSecurityGroups(api, maker, self._following.look_again),
        )
        self.agent = NodeAgent(hands, self.control_plane.certificates, nodes)
        self._stack.callback(self.agent.stop)
        self._rest = Rest(api, self._following.refresh, self.agent.raise_failure)
        self.operator = LabOperator(
            aws_url=self.aws_url,
            api=api,
            settings=lambda name: self.agent.node(name).settings,
            rest=self._rest,
            remove_routes=self.fabric.home.remove_routes,
            netns=lambda name: self.agent.node(name).netns,
            sites=self.sites,
        )
        self.agent.start()
        self.operator.apply(*(item for item in objects if item["kind"] not in {"Node", "Deployment"}))
        until_rules_are_laid([node.netns for node in nodes])
        self.operator.apply(*(item for item in objects if item["kind"] == "Deployment"))
        self._rest.wait(nothing_stuck=True)
        until_every_node_asks([node.netns for node in nodes])

    def _give_to_bot(self, programs: Programs) -> None:
        self.operator.apply(*role_documents(), *probing_documents())
        self.directory = self.run.directory / "bot"
        self.directory.mkdir()
        hosts = self._stack.enter_context(OutsideHosts(self.run, programs))
        probes = set_up_probes(
            self.world,
            self.operator,
            self.scenario.neighbours,
            partial(self._stand, hosts),
            public_dns=self._public_dns,
        )
        write_bot_files(
            self.directory,
            self.control_plane,
            self.world,
            public_resolution=self.scenario.public_resolution,
            probes=probes,
        )
        self.environment = bot_environment(self.aws_url)

    @property
    def _public_dns(self) -> bool:
        return self.scenario.public_resolution != "blocked"

    def _stand(self, hosts: OutsideHosts, _: str, __: str, wanted: Any) -> Json:  # noqa: ANN401  # JSON
        """Put the host to look names up from into a VPC, or take the one on premises, as `set_up_probes` asks."""
        name, address = wanted["name"], wanted["address"]
        if name in self.sites:
            site = self.sites[name]
            return {"url": hosts.add(name, site.host, address=address, nameserver=site.server)}
        place = next(place for place, vpc in enumerate(self.world.vpcs) if vpc.name == name)
        wiring = self.fabric.vpcs[place]
        netns = wiring.attach_host("probe", address)
        self.outside[name] = netns
        return {"url": hosts.add(name, netns, address=address, nameserver=wiring.resolver_address)}

    def aws_control(self, method: str, route: str, document: object = None) -> Any:  # noqa: ANN401  # JSON
        """Call a control route of the AWS far end: `aws_control("POST", "faults", […])`."""
        return call_json(method, f"{self.aws_url}/sandbox/{route}", document)

    @property
    def filter(self) -> VpcFilter:
        """The filter of the cluster's VPC."""
        return self.filters[self.world.home.id]

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the lab's administrator and return what it printed; its exit code is not checked."""
        command = [self.kubectl_path, "--kubeconfig", str(self.directory / "admin.yaml"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # built by us


def _fabric(run: Run, plan: WorldPlan) -> Fabric:
    """Wire every VPC of the world and link it with all others: AWS decides which packets use a link."""
    fabric = Fabric(run, [FabricVpc(name=vpc.name, cidr=vpc.cidr) for vpc in (plan.home, *plan.neighbours)])
    for one, other in combinations(fabric.vpcs, 2):
        fabric.link(one, other)
    return fabric


def _is_control_plane(interface: Json) -> bool:
    return str(interface.get("Description", "")) == f"Amazon EKS {CLUSTER}"
