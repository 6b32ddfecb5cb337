#!/bin/sh
# build.sh ROOT OUT: makes OUT/xen, OUT/linux and OUT/dom0.cpio from a Debian root file system with Xen in it.
# ROOT needs /boot, Xen's programs, their libraries and dom0's modules; busybox comes from this machine ($BUSYBOX).
set -eu
here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$1")
mkdir -p "$2"
out=$(readlink -f "$2")
busybox=${BUSYBOX:-$(command -v busybox)}
bin=$(echo "$root"/usr/lib/xen-4.*/bin)
libraries=$root/usr/lib/x86_64-linux-gnu
tree=$out/tree
if readelf -l "$busybox" | grep -q INTERP; then
    echo "$busybox is not a static program; set BUSYBOX to the one of the package busybox-static" >&2
    exit 1
fi

needed() { # needed PROGRAM: copies the libraries that it needs
    "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" --list "$1" |
        sed -n "s#.* => \($root[^ ]*\) .*#\1#p" | while read -r library; do cp -L "$library" "$tree/lib/"; done
}

guest() { # guest FILE MORE...: compiles a guest
    program=$1
    shift
    ${CC:-gcc} -O2 -Wall -m64 -mno-sse -mno-red-zone -ffreestanding -fno-pic -no-pie -fno-stack-protector \
        -fcf-protection=none -fno-asynchronous-unwind-tables -nostdlib -static -Wl,--build-id=none \
        -Wl,--no-warn-rwx-segments -Wl,-T,"$here/guest.lds" -z noexecstack "$@" \
        -o "$program" "$here/start.S" "$here/guest.c"
}

rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/lib" "$tree/lib64" "$tree/modules" "$tree/guests" "$tree/proc" "$tree/sys" "$tree/dev" \
    "$tree/run" "$tree/tmp" "$tree/var" "$tree/etc/xen"
ln -s /run "$tree/var/run"
install -m 755 "$busybox" "$tree/bin/busybox"
for name in sh mount insmod mkdir cat grep sleep echo timeout ls ps dmesg tail cp; do ln -s busybox "$tree/bin/$name"; done
for name in xl xenstored xenconsoled xen-init-dom0; do
    cp "$bin/$name" "$tree/bin/"
    needed "$bin/$name"
done
cp -L "$libraries/ld-linux-x86-64.so.2" "$tree/lib64/"
cp -L "$libraries/libgcc_s.so.1" "$tree/lib/" # xl needs it to end its threads
: >"$tree/etc/xen/xl.conf"
for name in xen-privcmd xenfs xen-evtchn xen-gntdev xen-gntalloc; do
    module=$(find "$root/usr/lib/modules" "$root/lib/modules" -name "$name.ko*" 2>/dev/null | head -n 1)
    case $module in
    *.xz) xz -dc "$module" >"$tree/modules/$name.ko" ;;
    *) cp "$module" "$tree/modules/$name.ko" ;;
    esac
done
guest "$tree/guests/tiny" "-DTICKS=${TICKS:-40}"
guest "$tree/guests/twice" -DTICKS=100 -DSPIN=1000000
guest "$tree/guests/long" -DTICKS=0x7fffffffffffffff
guest "$tree/guests/flat" -DFLAT
guest "$tree/guests/fpu" -DFPU
guest "$tree/guests/fault" -DFAULT
guest "$tree/guests/real" -DREAL
device_model=$root/usr/libexec/xen-qemu-system-i386
if [ -e "$device_model" ]; then # for an HVM guest beside
    mkdir -p "$tree/usr/libexec" "$tree/usr/share" "$tree${bin#"$root"}/../boot"
    cp "$device_model" "$tree/usr/libexec/"
    cp -r "$root/usr/share/seabios" "$root/usr/share/qemu" "$tree/usr/share/"
    cp "$bin/../boot/hvmloader" "$tree${bin#"$root"}/../boot/"
    needed "$device_model"
    ${CC:-gcc} -m32 -c -o "$out/disk.o" "$here/disk.S"
    objcopy -O binary -j .text "$out/disk.o" "$tree/guests/disk"
fi
mkdir -p "$out/linux-guest/bin" "$out/linux-guest/proc"
install -m 755 "$busybox" "$out/linux-guest/bin/busybox"
for name in sh mount cat poweroff; do ln -sf busybox "$out/linux-guest/bin/$name"; done
printf '#!/bin/sh\nmount -t proc proc /proc\ncase " $(cat /proc/cmdline) " in *" stay "*) while :; do cat /proc/stat >/dev/null; done ;; esac\npoweroff -f\n' >"$out/linux-guest/init"
chmod 755 "$out/linux-guest/init"
(cd "$out/linux-guest" && find . | cpio --quiet -o -H newc | gzip -1) >"$tree/guests/linux.cpio"
cp "${GUEST_LINUX:-$(echo "$root"/boot/vmlinuz-*)}" "$tree/guests/linux"
cp "$here/dom0.sh" "$tree/init"
chmod 755 "$tree/init"
(cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/dom0.cpio"
zcat "$root"/boot/xen-4.*.gz >"$out/xen"
cp "$root"/boot/vmlinuz-* "$out/linux"
