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

guest() {
    ${CC:-gcc} -O2 -Wall -m64 -mno-sse -mno-red-zone -ffreestanding -fno-pic -no-pie -fno-stack-protector \
        -fcf-protection=none -fno-asynchronous-unwind-tables -nostdlib -static -Wl,--build-id=none \
        -Wl,--no-warn-rwx-segments -Wl,-T,"$here/guest.lds" -z noexecstack "-DTICKS=$2" \
        -o "$1" "$here/start.S" "$here/guest.c"
}

rm -rf "$tree"
mkdir -p "$tree/bin" "$tree/lib" "$tree/lib64" "$tree/modules" "$tree/guests" "$tree/proc" "$tree/sys" "$tree/dev" \
    "$tree/run" "$tree/tmp" "$tree/var" "$tree/etc/xen"
ln -s /run "$tree/var/run"
install -m 755 "$busybox" "$tree/bin/busybox"
for name in sh mount insmod mkdir cat grep sleep echo timeout ls ps dmesg tail; do ln -s busybox "$tree/bin/$name"; done
for name in xl xenstored xenconsoled xen-init-dom0; do
    cp "$bin/$name" "$tree/bin/"
    "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" --list "$bin/$name" |
        sed -n "s#.* => \($root[^ ]*\) .*#\1#p" | while read -r library; do cp -L "$library" "$tree/lib/"; done
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
guest "$tree/guests/tiny" "${TICKS:-40}"
guest "$tree/guests/busy" 0x7fffffffffffffff
cp "$here/dom0.sh" "$tree/init"
chmod 755 "$tree/init"
(cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/dom0.cpio"
zcat "$root"/boot/xen-4.*.gz >"$out/xen"
cp "$root"/boot/vmlinuz-* "$out/linux"
