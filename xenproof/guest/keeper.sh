# The keeper of the folder that holds the guests of one run, on their host: prints the folder's path once it
# holds it, and holds it for as long as its standard input is open.  The last keeper of a folder whose input
# ends, because the run is over or because it was killed, removes all that the run left on the host, and
# prints what it could not remove; but for a folder that is to be kept, with all that belongs to it.
#
# Runs after assignments of images, where a folder is to be made, and folder, or nothing for a new one.  A folder
# that is gone, as its last keeper lost its worker, is one more reason for a new one.
trap '' PIPE # nobody may listen any more when there is something to remove
command -v flock >/dev/null || {
    echo "the host has no flock (package util-linux)" >&2
    exit 1
}
hold() {
    exec 9<"$folder" && flock -s 9
}
# Who waits for a keeper that removes it holds a folder that is no more.
if ! { [ -d "$folder" ] && hold && [ -d "$folder" ]; } 2>/dev/null; then
    # The nearest directory above that exists: nothing stays behind but what was there before.
    while [ ! -d "$images" ]; do
        images=${images%/*}
        [ "$images" ] || images=/
    done
    folder=$(mktemp -d -p "$images" xenproof-XXXXXXXX) && hold || exit 1
fi
lists=
! xl list >/dev/null 2>&1 || lists=1
echo "$folder"
cat >/dev/null

# Of two that end at the same time one gets the lock: it is let go before it is asked for again.
flock -n -x 9 || exit 0
# A pool of the folder that virt-install made.
pool=${folder##*/}
if [ -e "/etc/libvirt/storage/$pool.xml" ]; then
    virsh -c xen:///system pool-destroy "$pool"
    virsh -c xen:///system pool-undefine "$pool"
fi >/dev/null 2>&1
# Somebody wants to look at a guest of it.
[ ! -e "$folder/kept" ] || exit 0
run=${folder##*-}
domains() {
    xl list | sed -n "s/^\(xenproof-$run-[0-9]*\) .*/\1/p"
}
# Whether no line of xl list means no domain: not where xl has no answer, unless it never had one here.
listed() {
    [ -z "$lists" ] || xl list >/dev/null 2>&1
}
turns=60
while [ $turns -gt 0 ]; do
    for domain in $(domains); do
        xl destroy "$domain"
    done
    # An xl create that still runs makes its domain after we looked.
    [ -n "$(domains)" ] || ! listed || ps -ww -e -o args= | grep -q "[x]l .*xenproof-$run-[0-9]" || break
    turns=$((turns - 1))
    sleep 1
done 2>/dev/null
# A qemu that xl had only just started when it was killed: of it nothing was noted that xl destroy would look for.
ps -ww -e -o pid=,args= | while read -r pid args; do
    case $args in *qemu*" -name xenproof-$run-"[0-9]*) kill -KILL "$pid" ;; esac
done 2>/dev/null
# A pool that a guest had for itself: its one CPU goes back to dom0's pool.
xl cpupool-list -c 2>/dev/null | while read -r pool cpu; do
    case $pool in xp-"$run"-[0-9]*) xl cpupool-destroy "$pool" && xl cpupool-cpu-add Pool-0 "$cpu" ;; esac
done >/dev/null 2>&1
# What libvirt still knows of them.
for file in /etc/libvirt/libxl/xenproof-"$run"-*.xml; do
    [ -e "$file" ] || continue
    domain=${file##*/}
    virsh -c xen:///system undefine --managed-save "${domain%.xml}"
done >/dev/null 2>&1
# Volumes of device-mapper: before the loop devices below them.
volumes() {
    for mapped in /sys/block/dm-*/dm/name; do
        [ -e "$mapped" ] && read -r volume <"$mapped" || continue
        case $volume in xenproof-"$run"-[0-9]*) echo "$volume" ;; esac
    done
}
for volume in $(volumes); do
    dmsetup remove --retry "$volume"
done >/dev/null 2>&1
# A loop device on a file that is gone would stay for ever.
for loop in /sys/block/loop*; do
    [ -e "$loop/loop/backing_file" ] && read -r file <"$loop/loop/backing_file" || continue
    case $file in "$folder"/*) losetup -d "/dev/${loop##*/}" ;; esac
done 2>/dev/null
rm -rf -- "$folder" /var/log/xen/*-xenproof-"$run"-*.log* /var/log/libvirt/libxl/xenproof-"$run"-*.log
# What was claimed for them (lease.sh, port_lease.sh).
rm -f /run/xenproof/xenproof-"$run"-*
for claim in /run/xenproof/port-*; do
    [ -e "$claim" ] && read -r other <"$claim" && [ "$other" = "$folder" ] && rm -f "$claim"
done
rmdir /run/xenproof 2>/dev/null
for domain in $(domains); do
    echo "domain $domain"
done
for volume in $(volumes); do
    echo "volume $volume"
done
listed || echo "guests, if there were any: xl list no longer answers"
[ ! -e "$folder" ] || echo "folder $folder"
