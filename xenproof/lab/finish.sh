#!/bin/sh
# The first process of the finishing boot: Debian's own tools install the boot loader onto the disk
# and write grub.cfg, as they do on a machine.  The last line on the console says how it went.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs run /run
mount -o remount,rw /
rm -f /xenproof-finish
disk=$(findmnt -no SOURCE / | sed 's/[0-9]*$//')
if grub-install "$disk" && update-grub; then said=done; else said=failed; fi
sync
mount -o remount,ro / 2>/dev/null
echo "xenproof-finish $said"
echo o >/proc/sysrq-trigger
# Power-off is under way; the first process must not end before it.
while :; do read -r _ </dev/console; done
