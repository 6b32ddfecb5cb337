# The keeper of a run's working folder on a host: holds a shared lock on the folder for as long as its standard input is
# open, and prints the folder's path as soon as it has the lock.  When its input ends, because the run is over or was
# killed, the last keeper of the folder removes all that the run left on the host, and prints what it could not remove.
# A folder that is marked to be kept stays, with all that belongs to it.
#
# Runs after assignments of run (the run's identity), images (the directory in which the folder is made), folder (the
# path of the folder, if the run has made it already), and abandoned (not empty if all workers that held it are gone).
trap '' PIPE # the reader may have gone before the removal prints
command -v flock >/dev/null || {
    echo "the host has no flock (package util-linux)" >&2
    exit 1
}
# After waiting for a keeper that removed the folder, the lock is on a removed folder, and a new one may exist already:
# so compare them.
hold() {
    [ -d "$folder" ] && exec 9<"$folder" && flock -s 9 && [ "$folder" -ef /proc/self/fd/9 ]
}
# The keeper of an abandoned folder is about to remove all guests of the run: wait for that before new ones are made.  A
# keeper whose worker is gone without its input having ended yet removes nothing while another keeper holds the folder.
turns=30
while [ "$abandoned" ] && [ -d "$folder" ] && [ ! -e "$folder/kept" ] && [ $turns -gt 0 ]; do
    turns=$((turns - 1))
    sleep 1
done
if ! hold 2>/dev/null; then
    # Use the nearest parent directory that exists, so that no new directory is left behind.
    while [ ! -d "$images" ]; do
        images=${images%/*}
        [ "$images" ] || images=/
    done
    folder=${images%/}/xenproof-$run
    # Where two URLs of a run are the same host, the other keeper may remove the folder at this moment: so try twice.
    { mkdir -p -m 700 "$folder" && hold; } || { mkdir -p -m 700 "$folder" && hold; } || exit 1
fi
lists=
! xl list >/dev/null 2>&1 || lists=1
# Paths of xenstore that end with the number of the domain to which they belong.  xenstore-list stops at the first
# missing path, so the paths are then listed one by one; duplicates do no harm.
of_domains() {
    parents="/local/domain /libxl $(xenstore-list -p /local/domain/0/backend) /local/domain/0/device-model"
    xenstore-list -p $parents || for parent in $parents; do xenstore-list -p "$parent"; done
} 2>/dev/null
store_before=$(of_domains)
echo "$folder"
cat >/dev/null

# Of two keepers that end at the same time, one gets the lock: flock releases the shared lock before it tries the
# exclusive one.
flock -n -x 9 || exit 0
# The storage pool that virt-install made of the folder.
pool=${folder##*/}
if [ -e "/etc/libvirt/storage/$pool.xml" ]; then
    virsh -c xen:///system pool-destroy "$pool"
    virsh -c xen:///system pool-undefine "$pool"
fi >/dev/null 2>&1
# The user wants to look at a guest of the run.
[ ! -e "$folder/kept" ] || exit 0
# Whether a name is that of a guest of this run: xenproof-RUN-NUMBER, alone or with the suffix of a check that renames
# it or of xl migrate (libxl: NAME--incoming on the receiving host, NAME--migratedaway on the sending host).
is_ours() {
    number=${1#"xenproof-$run-"}
    [ "$number" != "$1" ] || return 1
    for suffix in --incoming --migratedaway -renamed; do
        number=${number%"$suffix"}
    done
    case $number in '' | *[!0-9]*) return 1 ;; esac
}
# A line with more words has a name with blanks, which is no guest of this run.
domains() {
    xl list | while read -r name id memory vcpus state time more; do
        [ "$time" ] && [ -z "$more" ] && is_ours "$name" && echo "$name"
    done
}
# Whether an empty xl list means that there is no domain: not where xl list fails now but worked at the start.
listed() {
    [ -z "$lists" ] || xl list >/dev/null 2>&1
}
turns=60
while [ $turns -gt 0 ]; do
    for domain in $(domains); do
        xl destroy "$domain"
    done
    # An xl create or xl migrate that still runs may make its domain later.
    [ -n "$(domains)" ] || ! listed || ps -ww -e -o args= | grep -q "[x]l .*xenproof-$run-[0-9]" || break
    turns=$((turns - 1))
    sleep 1
done 2>/dev/null
# A qemu that xl had just started when xl was killed: nothing is recorded yet by which xl destroy would find it.
ps -ww -e -o pid=,args= | while read -r pid args; do
    case $args in *qemu*" -name xenproof-$run-"*) ;; *) continue ;; esac
    # Read the arguments one by one: a name may have blanks in it.
    name=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n '/^-name$/{n;p;q;}')
    ! is_ours "$name" || kill -KILL "$pid"
done 2>/dev/null
# Where xl destroy meets an xl create that still runs, or ends a qemu that is still starting, these write their keys after
# libxl removed them, and they stay.  The run's are those of a domain that is gone and that were not there when it began.
for path in $(of_domains | sort -u); do
    domid=${path##*/}
    case $domid in '' | *[!0-9]*) continue ;; esac
    ! printf '%s\n' $store_before | grep -q -x -F -e "$path" || continue
    xl list && ! xl list "$domid" && xenstore-rm -t "$path"
done >/dev/null 2>&1
# The CPU pool of a guest: its one CPU goes back to dom0's pool.
xl cpupool-list -c 2>/dev/null | while read -r pool cpu; do
    [ "$pool" != "${pool#xp-}" ] && is_ours "xenproof-${pool#xp-}" && xl cpupool-destroy "$pool" && xl cpupool-cpu-add Pool-0 "$cpu"
done >/dev/null 2>&1
# Domains that are still defined in libvirt.
for file in /etc/libvirt/libxl/xenproof-"$run"-*.xml; do
    domain=${file##*/}
    domain=${domain%.xml}
    [ ! -e "$file" ] || ! is_ours "$domain" || virsh -c xen:///system undefine --managed-save "$domain"
done >/dev/null 2>&1
# Volumes of device-mapper: before the loop devices below them.
volumes() {
    for mapped in /sys/block/dm-*/dm/name; do
        [ -e "$mapped" ] && read -r volume <"$mapped" || continue
        is_ours "${volume%%-xvd*}" && [ "${volume%%-xvd*}" != "$volume" ] && echo "$volume"
    done
}
for volume in $(volumes); do
    dmsetup remove --retry "$volume"
done >/dev/null 2>&1
# A loop device would outlive its file.
for loop in /sys/block/loop*; do
    [ -e "$loop/loop/backing_file" ] && read -r file <"$loop/loop/backing_file" || continue
    case $file in "$folder"/*) losetup -d "/dev/${loop##*/}" ;; esac
done 2>/dev/null
# Logs, also rotated ones: xl-NAME.log, qemu-dm-NAME.log.1.
for log in /var/log/xen/*-xenproof-"$run"-*.log* /var/log/libvirt/libxl/xenproof-"$run"-*.log; do
    name=${log##*/}
    case $name in xenproof-* | xl-xenproof-* | qemu-dm-xenproof-* | guest-xenproof-*) ;; *) continue ;; esac
    name=xenproof-${name#*xenproof-}
    ! is_ours "${name%%.log*}" || rm -f -- "$log"
done
# The run's leases (lease.sh, port_lease.sh).
rm -f /run/xenproof/xenproof-"$run"-*
for lease in /run/xenproof/port-*; do
    [ -e "$lease" ] && read -r other <"$lease" && [ "$other" = "$folder" ] && rm -f "$lease"
done
rmdir /run/xenproof 2>/dev/null
for domain in $(domains); do
    echo "domain $domain"
done
for volume in $(volumes); do
    echo "volume $volume"
done
listed || echo "guests, if there were any: xl list no longer answers"
# Last of all: a keeper that waits for this then makes the folder again at the same path, and its worker new guests.
rm -rf -- "$folder"
! [ "$folder" -ef /proc/self/fd/9 ] || echo "folder $folder"
