"""How volumes of a storage class may be mounted. A class does not say it: known are the commonest provisioners, and
what volumes of it that exist say."""

from __future__ import annotations

from collections.abc import Collection

_BLOCK = ("ReadWriteOnce", "ReadWriteOncePod")
_SHARED = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_LOCAL = ("ReadWriteOnce",)
_ORDER = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")

# Of file systems; what a provisioner can do for raw blocks is not meant.
_KNOWN = {
    "cinder.csi.openstack.org": _BLOCK,
    "csi.hetzner.cloud": _BLOCK,
    "disk.csi.azure.com": _BLOCK,
    "dobs.csi.digitalocean.com": _BLOCK,
    "ebs.csi.aws.com": _BLOCK,
    "linodebs.csi.linode.com": _BLOCK,
    "pd.csi.storage.gke.io": ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteOncePod"),
    "topolvm.io": _BLOCK,
    "driver.longhorn.io": _SHARED,
    "efs.csi.aws.com": _SHARED,
    "file.csi.azure.com": _SHARED,
    "filestore.csi.storage.gke.io": _SHARED,
    "manila.csi.openstack.org": _SHARED,
    "nfs.csi.k8s.io": _SHARED,
    "docker.io/hostpath": _LOCAL,
    "k8s.io/minikube-hostpath": _LOCAL,
    "kubernetes.io/aws-ebs": _LOCAL,
    "kubernetes.io/gce-pd": _LOCAL,
    "microk8s.io/hostpath": _LOCAL,
    "openebs.io/local": _LOCAL,
    "rancher.io/local-path": _LOCAL,
}
# Rook and Ceph's own charts put the namespace before the driver's name.
_ENDINGS = (("rbd.csi.ceph.com", _BLOCK), ("cephfs.csi.ceph.com", _SHARED), ("nfs.csi.ceph.com", _SHARED))


def access_modes(provisioner: str, shown: Collection[str] = ()) -> tuple[str, ...]:
    """Of a class with this provisioner, whose volumes show these; empty where nothing is known."""
    known = _KNOWN.get(provisioner) or next((modes for end, modes in _ENDINGS if provisioner.endswith(end)), ())
    found = {*known, *shown}
    return tuple(mode for mode in _ORDER if mode in found)
