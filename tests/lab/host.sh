#!/usr/bin/env bash
# Process 1 of one lab host: makes the machine's root private to the host, then runs the host's one daemon.
# Usage (only from host.py, inside fresh mount, pid, network and uts namespaces):
#   host.sh NAME HOST_DIR HOSTS_FILE GATEWAY [SHOWN_DIR...] -- COMMAND...
# Everything the host makes lives in these namespaces or in HOST_DIR, so the kernel itself cleans up when this process
# ends: no daemon, container, mount, address or firewall rule can outlive it, whatever killed the tests.
set -euo pipefail
name=$1 dir=$2 hosts=$3 gateway=$4
shift 4
shown=()
while [ "$1" != -- ]; do
  shown+=("$1")
  shift
done
shift

# The owner holds the other end of stdin: its end of file means that the owner is gone.
exec 3<&0
echo unshared
read -r _ <&3

# A tmpfs below the overlay: overlayfs refuses an upper layer that lies inside its own lower one, which is /.
mkdir -p "$dir/private"
mount -t tmpfs -o mode=0755 lab "$dir/private"
mkdir "$dir/private/upper" "$dir/private/work" "$dir/private/root"
root=$dir/private/root
mount -t overlay -o "lowerdir=/,upperdir=$dir/private/upper,workdir=$dir/private/work" lab "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
if mountpoint -q /usr; then mount --bind /usr "$root/usr"; fi
# /run is empty on purpose: with the machine's own containerd in sight, dockerd would use that instead of its own.
mount -t tmpfs -o mode=0755 lab "$root/run"
# The engine's data must lie on a real filesystem: overlay on overlay is refused.
mkdir -p "$root$dir"
mount --bind "$dir" "$root$dir"
for folder in "${shown[@]}"; do
  mkdir -p "$root$folder"
  mount --bind -o ro "$folder" "$root$folder"
done
# A Docker on this machine may have left its identity and its settings here; this host starts without.
rm -rf "$root/etc/docker"
# The machine's own resolver cannot be reached from here; asking one that refuses at once beats waiting for one.
rm -f "$root/etc/resolv.conf"
printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$gateway" >"$root/etc/resolv.conf"
touch "$root/etc/hosts"
mount --bind "$hosts" "$root/etc/hosts"
cd "$root"
pivot_root . .
umount -l .
cd /
hostname "$name"
# Before this, whoever enters would still be in the machine's own root.
echo standing

"$@" </dev/null >>"$dir/log" 2>&1 3<&- &
cat <&3 >/dev/null &
# Either end is the end of the host. Waiting in bash also reaps the orphans that containerd's shims leave to process 1.
wait -n
