#!/bin/sh
# run.sh OUT [OPTION=VALUE ...]: runs the reproducer in QEMU, prints its lines, and writes all of the console to OUT/log or log=FILE.
# The options are in README.md.
set -eu
out=$1
shift
qemu=${qemu:-qemu-system-x86_64} accel=tcg,thread=multi smp=2 memory=2048 machine=pc,max-ram-below-4g=1G
cpu=max,x-force-features=on,+vme,-rdtscp,-smap,-smep,-pku,-la57,-xsave,-avx,-avx2
xen= limit=3000 log=$out/log dom0= extra=
for word in "$@"; do
    case $word in
    qemu=* | accel=* | smp=* | memory=* | machine=* | cpu=* | xen=* | limit=* | log=* | extra=*)
        value=${word#*=}
        eval "${word%%=*}=\$value"
        ;;
    *) dom0="$dom0 $word" ;;
    esac
done
# shellcheck disable=SC2086
timeout "$limit" $qemu -machine "$machine" -accel "$accel" -cpu "$cpu" -smp "$smp" -m "$memory" \
    -nodefaults -no-user-config -display none -no-reboot -serial "file:$log" $extra \
    -kernel "$out/xen" -append "console=com1 dom0_mem=768M conring_size=1m watchdog=0 $xen" \
    -initrd "$out/linux console=hvc0 quiet panic=-1 $dom0,$out/dom0.cpio" </dev/null || echo "QEMU ended with $?"
tr -d '\r' <"$log" | grep -a REPRO
