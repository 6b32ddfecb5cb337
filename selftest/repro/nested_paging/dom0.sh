#!/bin/sh
# The first process of dom0: creates a guest many times, one after another, and counts how they end.
# The options come from dom0's command line: see README.md.
export PATH=/bin LD_LIBRARY_PATH=/lib
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
boots=200 beside= vcpus=1 hap=1 kind=tiny pin=0 cpus=all patience=120
for word in $(cat /proc/cmdline); do
    case $word in boots=* | beside=* | vcpus=* | hap=* | kind=* | pin=* | cpus=* | patience=*) eval "$word" ;; esac
done
for module in xen-privcmd xenfs xen-evtchn xen-gntdev xen-gntalloc; do insmod /modules/$module.ko; done
mount -t xenfs xenfs /proc/xen
mkdir -p /var/lib/xen /var/lib/xenstored /var/log/xen /var/run/xen /var/run/xenstored /var/lock /run/lock
xenstored --pid-file /run/xenstored.pid
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -S /var/run/xenstored/socket ] || [ -S /run/xenstored/socket ] && break
    sleep 1
done
xen-init-dom0
xenconsoled --log=guest --log-dir=/run
echo 7 >/proc/sys/kernel/printk

describe() {
    cat <<-END
	name = "$1"
	type = "pvh"
	kernel = "$2"
	memory = $3
	vcpus = $4
	cpus = "$cpus"
	hap = $hap
	on_poweroff = "destroy"
	on_reboot = "destroy"
	on_crash = "destroy"
	on_watchdog = "destroy"
	END
}
xl info | grep -E "xen_version|virt_caps|nr_cpus|total_memory"
[ $pin = 1 ] && xl vcpu-pin 0 all 0
if [ "$beside" = hvm ]; then
    cp /guests/disk /run/disk
    cat >/run/beside.cfg <<-END
	name = "beside"
	type = "hvm"
	memory = 64
	cpus = "$cpus"
	hap = $hap
	vga = "none"
	vnc = 0
	serial = "null"
	device_model_override = "/usr/libexec/xen-qemu-system-i386"
	disk = ["format=raw, vdev=hda, access=rw, backendtype=qdisk, target=/run/disk"]
	END
    xl create /run/beside.cfg || { echo "REPRO no second guest"; cat /var/log/xen/qemu-dm-beside.log; }
elif [ "$beside" = linux ]; then
    describe beside /guests/linux 96 $vcpus >/run/beside.cfg
    echo 'ramdisk = "/guests/linux.cpio"' >>/run/beside.cfg
    echo 'extra = "quiet panic=-1 stay"' >>/run/beside.cfg
    xl create /run/beside.cfg || echo "REPRO no second guest"
elif [ -n "$beside" ]; then
    describe beside "/guests/$beside" 32 1 >/run/beside.cfg
    xl create /run/beside.cfg || echo "REPRO no second guest"
fi
if [ $kind = linux ]; then
    describe test /guests/linux 96 $vcpus >/run/test.cfg
    echo 'ramdisk = "/guests/linux.cpio"' >>/run/test.cfg
    echo 'extra = "quiet console=hvc0 panic=-1"' >>/run/test.cfg
else
    describe test /guests/$kind 32 $vcpus >/run/test.cfg
fi
good=0 triple=0 twice=0 other=0 number=0
xl dmesg -c >/run/all.txt
while [ $number -lt $boots ]; do
    number=$((number + 1))
    timeout $patience xl create -F /run/test.cfg >/run/out.txt 2>&1
    status=$?
    xl dmesg -c >/run/dmesg.txt
    if grep -q "Triple fault" /run/dmesg.txt; then
        triple=$((triple + 1))
        echo "REPRO boot $number: triple fault"
        cat /run/dmesg.txt
        tail -n 5 /run/guest-test.log
    elif grep -q "reason code 0" /run/out.txt; then
        good=$((good + 1))
        echo "boot $number: good"
    elif grep -q "reason code 4" /run/out.txt; then
        twice=$((twice + 1))
        echo "boot $number: an interrupt came twice"
    else
        other=$((other + 1))
        echo "REPRO boot $number: status $status"
        cat /run/out.txt /run/dmesg.txt
        tail -n 20 /run/guest-test.log
        xl destroy test 2>/dev/null
    fi
    [ $((number % 10)) = 0 ] && echo "REPRO so far: $number boots, $good good, $triple triple faults, $twice interrupts that came twice, $other others"
done
xl list
xl dmesg -c
echo "REPRO end: $number boots, $good good, $triple triple faults, $twice interrupts that came twice, $other others"
sleep 1
echo o >/proc/sysrq-trigger
sleep 1000
