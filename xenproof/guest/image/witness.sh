#!/bin/sh
# The witness: the only program of the guest.  It says on the console what it sees and does, one fact
# a line: "XENPROOF1 NAME VALUE", and stays until it is powered off.  Few processes: each costs a
# noticeable part of a second where the whole host is emulated.
export PATH=/bin
say() { echo "XENPROOF1 $*"; }
area=/dev/xvda2    # block 0: the token that the host wrote; from block 1 on: what this guest writes
block=65536
blocks=16

mount -t proc proc /proc
# From here on the kernel keeps to its log, so that no line of ours is torn apart.
echo 1 >/proc/sys/kernel/printk
# A guest that waits is to cost nothing: what Linux looks after twice a second or every second would wake it.
for setting in compaction_proactiveness=0 stat_interval=600; do
	[ ! -e "/proc/sys/vm/${setting%=*}" ] || echo "${setting#*=}" >"/proc/sys/vm/${setting%=*}"
done
say start
vcpus=0 virtualizes=no
while read -r word _ values; do
	case $word in
	processor) vcpus=$((vcpus + 1)) ;;
	flags) case " $values " in *" svm "*) virtualizes=svm ;; *" vmx "*) virtualizes=vmx ;; esac ;;
	esac
done </proc/cpuinfo
say vcpus "$vcpus"
say virtualizes "$virtualizes"
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || say problem "insmod $module failed"; done </modules/order

tries=0
while [ ! -b "$area" ] && [ "$tries" -lt 600 ]; do
	tries=$((tries + 1))
	usleep 100000
done
[ -b "$area" ] || say problem "no $area after $tries tries"

read -r _ _ release _ </proc/version
read -r cmdline </proc/cmdline
root=${cmdline##*xenproof.root=}
root=${root%% *}
read -r _ memory _ </proc/meminfo
read -r nonce </proc/sys/kernel/random/uuid
read -r magic token <"$area"
[ "$magic" = XENPROOF-TOKEN ] || say problem "no token on $area"
mount -t "$root" -o ro /dev/xvda1 /mnt && read -r menu </mnt/boot/grub/grub.cfg && umount /mnt ||
	say problem "mounting /dev/xvda1 as $root and reading its boot menu failed"
say release "$release"
say cmdline "$cmdline"
say memory_kib "$memory"
say token "$token"
say menu "$menu"

# The pattern holds the token, which the host chose, and the nonce, which only this boot knows.
yes "$token $nonce" | dd of="$area" bs=$block seek=1 count=$blocks iflag=fullblock conv=fsync 2>/dev/null ||
	say problem "writing to $area failed"
echo 3 >/proc/sys/vm/drop_caches
sum=$(dd if="$area" bs=$block skip=1 count=$blocks iflag=direct 2>/dev/null | sha256sum)
say nonce "$nonce"
say read_back "${sum%% *}"
say ready

# How it stands now, in one line: the number that it was asked with, uptime, clock, memory, processors, disks, networks.
tell() {
	read -r uptime _ </proc/uptime
	read -r _ memory _ </proc/meminfo
	read -r cpus </sys/devices/system/cpu/online
	disks= nics=
	for path in /sys/block/xvd*; do [ ! -e "$path" ] || disks=$disks,${path##*/}; done
	for path in /sys/class/net/eth*; do [ ! -e "$path" ] || nics=$nics,${path##*/}; done
	say told "$1 $nonce $uptime $(date +%s) $memory $cpus ${disks#,}; ${nics#,};"
}

# By itself, so that no line of the console is ever read in part: a read that has a limit drops what it has when that
# comes in the middle.  The shell's own read of a pipe without writer waits without another process.
mkfifo /silence
(
	beat=0
	while :; do
		read -r -t 5 _ <>/silence
		beat=$((beat + 1))
		read -r uptime _ </proc/uptime
		say beat "$beat $uptime"
	done
) &

while read -r word about; do
	case $word in
	poweroff) exec /sbin/poweroff ;;
	tell) tell "$about" ;;
	# A processor that the toolstack adds is there, but not yet in use.
	online) echo 1 >"/sys/devices/system/cpu/cpu$about/online" ;;
	first_line)
		read -r line <"/dev/$about"
		say first_line "$about $line"
		;;
	write)
		# Blocks of the device, each written and synced before it is told of.
		device=${about% *} number=0
		while [ "$number" -lt "${about#* }" ]; do
			yes "$token $nonce $device $number" |
				dd of="/dev/$device" bs=$block seek="$number" count=1 iflag=fullblock conv=notrunc,fsync 2>/dev/null &&
				say synced "$device $number"
			number=$((number + 1))
		done
		;;
	menu)
		# A line of its own boot menu, such as "set default=second", for its next start.
		mount -t "$root" /dev/xvda1 /mnt &&
			sed -i "s/^set ${about% *}=.*/set ${about% *}=${about#* }/" /mnt/boot/grub*/grub.cfg &&
			umount /mnt &&
			say menu_set "$about"
		;;
	crash) echo c >/proc/sysrq-trigger ;;
	esac
done
