#!/bin/sh
# boot.sh IMAGE CHANGES PLACE [SOURCE:TARGET...]
# Become the first process of a machine: systemd on the Debian in IMAGE, with
# what differs from it in CHANGES/upper, seen at PLACE, and each SOURCE read-only
# at TARGET.  To be run by `unshare` with new mount, pid, uts, ipc, network and
# cgroup namespaces.  Nothing of the host is seen or can be written from inside.
set -eu
image=$1 changes=$2 root=$3
shift 3

[ "$$" -eq 1 ] || exit 1 # not in a pid namespace of its own
mount --make-rprivate /
mkdir -p "$changes/upper" "$changes/work" "$root"
mount -t overlay -o "lowerdir=$image,upperdir=$changes/upper,workdir=$changes/work" \
	machine "$root"
cd "$root"

mount -t proc -o nosuid,nodev,noexec proc proc
for path in sys irq bus fs; do
	[ ! -d "proc/$path" ] || {
		mount --bind "proc/$path" "proc/$path"
		mount -o remount,bind,ro,nosuid,nodev,noexec "proc/$path"
	}
done
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid tmpfs run
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp
mount -t tmpfs -o mode=755,nosuid,noexec tmpfs dev
for node in null zero full random urandom tty; do
	: >"dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

for pair in "$@"; do
	source=${pair%%:*} target=${pair#*:}
	target=$root$target
	if [ -d "$source" ]; then
		mkdir -p "$target"
	else
		mkdir -p "${target%/*}"
		[ -e "$target" ] || : >"$target"
	fi
	mount --bind "$source" "$target"
	mount -o remount,bind,ro,nosuid,nodev "$target"
done

mkdir -p old
pivot_root . old
cd /
umount -l /old
rmdir /old
# What a container's first process has no use for, and could hurt with.
exec env -i container=weir PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-mknod,-syslog,-mac_admin,-mac_override,-audit_control,-wake_alarm,-block_suspend \
	/lib/systemd/systemd --log-target=journal </dev/null
