"""The field tables of images, volumes and networks: what stands beside a container.

An image is evidence throughout: its defaults are subtracted from its containers, and a pod takes them from it again.
Of a volume and a network, what their users chose is configuration; what the engine assigned is not.
"""

from __future__ import annotations

from .row import Row, observed
from .row import config as _config

IMAGE_ROWS: tuple[Row, ...] = observed(
    "Id",
    "ID",
    "id",
    "RepoTags",
    "RepoDigests",
    "Parent",
    "parent",
    "Comment",
    "comment",
    "Created",
    "created",
    "Container",
    "container",
    "ContainerConfig",
    "container_config",
    "DockerVersion",
    "Author",
    "author",
    "Config",
    "config",
    "Architecture",
    "Variant",
    "Os",
    "OsVersion",
    "Size",
    "VirtualSize",
    "GraphDriver",
    "RootFS",
    "Metadata",
    "Descriptor",
    "Manifests",
    "Identity",
)

VOLUME_ROWS: tuple[Row, ...] = (
    *observed("Name", "Mountpoint", "CreatedAt", "Scope", "Status", "UsageData"),
    *observed("ClusterVolume.ID", "ClusterVolume.Version", "ClusterVolume.CreatedAt", "ClusterVolume.UpdatedAt"),
    *observed("ClusterVolume.Info", "ClusterVolume.PublishStatus"),
    _config(
        "Driver",
        "volume-driver",
        "container.mounts",
        "volume-drivers",
        sample="flocker",
        unset=("", "local"),
        seen_by="mounts.*",
    ),
    _config(
        "Options[map]",
        "volume-option",
        "container.mounts",
        "volume-drivers",
        sample={"type": "nfs"},
        seen_by="mounts.*",
    ),
    _config(
        "Labels[map]",
        "volume-label",
        "setting",
        "labels",
        sample={"team": "edge"},
        unset=("@anonymous-volume",),
        seen_by="outside: labels are for people and tools",
    ),
    _config(
        "ClusterVolume.Spec",
        "cluster-volume",
        "setting",
        "cluster-volumes",
        sample={"Group": "fast"},
        unset=("@hollow",),
        seen_by="outside: the volume's driver acts on it",
    ),
)

NETWORK_ROWS: tuple[Row, ...] = (
    *observed("Name", "Id", "Created", "Scope", "IPAM", "Containers", "Peers", "Services", "Status", "Ingress"),
    *observed("ConfigFrom", "ConfigOnly"),
    _config(
        "Driver",
        "network",
        "workload.networks",
        "networks",
        sample="macvlan",
        unset=("", "bridge", "host", "null", "overlay"),
        seen_by="interfaces.*",
    ),
    _config(
        "Internal",
        "network-isolation",
        "workload.networks",
        "network-isolation",
        sample=True,
        unset=(False,),
        seen_by="routes.default, reach.*",
    ),
    _config(
        "Options[map]",
        "network-option",
        "workload.networks",
        "network-options",
        sample={"com.docker.network.driver.mtu": "1400"},
        unset=("@usual-bridge-option",),
        seen_by="interfaces.*",
    ),
    _config(
        "Labels[map]",
        "volume-label",
        "setting",
        "labels",
        sample={"team": "edge"},
        seen_by="outside: labels are for people and tools",
    ),
    _config(
        "Attachable",
        "network-option",
        "workload.networks",
        "network-options",
        sample=True,
        unset=(False,),
        seen_by="outside: it lets others join",
    ),
    _config(
        "EnableIPv4",
        "network-option",
        "workload.networks",
        "network-options",
        sample=False,
        unset=(True,),
        seen_by="interfaces.*",
    ),
    _config(
        "EnableIPv6",
        "network-option",
        "workload.networks",
        "network-options",
        sample=True,
        unset=(False,),
        seen_by="interfaces.*, sysctls.net.ipv6.conf.all.disable_ipv6",
    ),
)
