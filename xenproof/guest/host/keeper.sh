# The keeper of the folder that holds the guests of one run, on their host: prints the folder's path once it
# holds it, and holds it for as long as its standard input is open.  The last keeper of a folder whose input
# ends, because the run is over or because it was killed, removes all that the run left on the host, and
# prints what it could not remove; but for a folder that is to be kept, with all that belongs to it.
#
# Runs after assignments of run, the run's identity; images, where its folder is to be made; and folder, which is where
# the run has it already, or nothing.  It is abandoned, if that is not empty, where all workers that held it are gone.
trap '' PIPE # nobody may listen any more when there is something to remove
command -v flock >/dev/null || {
    echo "the host has no flock (package util-linux)" >&2
    exit 1
}
# Whoever waits for a keeper that removes the folder holds one that is no more, and maybe another one is there already.
hold() {
    [ -d "$folder" ] && exec 9<"$folder" && flock -s 9 && [ "$folder" -ef /proc/self/fd/9 ]
}
# The keeper of an abandoned folder is about to remove all guests of the run: the next ones are made after that.  One
# that does not know yet that its worker is gone removes nothing as long as somebody else holds the folder.
turns=30
while [ "$abandoned" ] && [ -d "$folder" ] && [ ! -e "$folder/kept" ] && [ $turns -gt 0 ]; do
    turns=$((turns - 1))
    sleep 1
done
if ! hold 2>/dev/null; then
    # The nearest directory above that exists: nothing stays behind but what was there before.
    while [ ! -d "$images" ]; do
        images=${images%/*}
        [ "$images" ] || images=/
    done
    folder=${images%/}/xenproof-$run
    # Its keeper may remove it at this moment where two names of a run are those of one host.
    { mkdir -p -m 700 "$folder" && hold; } || { mkdir -p -m 700 "$folder" && hold; } || exit 1
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
# Whether a name is that of a guest of this run: xenproof-RUN-NUMBER, as it was created, or as it is called while a check
# has renamed it or xl migrate moves it (libxl: NAME--incoming where it arrives, NAME--migratedaway where it left).
is_ours() {
    number=${1#"xenproof-$run-"}
    [ "$number" != "$1" ] || return 1
    for suffix in --incoming --migratedaway -renamed; do
        number=${number%"$suffix"}
    done
    case $number in '' | *[!0-9]*) return 1 ;; esac
}
# A name with blanks in it makes a line of more words: it is somebody else's.
domains() {
    xl list | while read -r name id memory vcpus state time more; do
        [ "$time" ] && [ -z "$more" ] && is_ours "$name" && echo "$name"
    done
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
    # An xl create or xl migrate that still runs makes its domain after we looked.
    [ -n "$(domains)" ] || ! listed || ps -ww -e -o args= | grep -q "[x]l .*xenproof-$run-[0-9]" || break
    turns=$((turns - 1))
    sleep 1
done 2>/dev/null
# A qemu that xl had only just started when it was killed: of it nothing was noted that xl destroy would look for.
ps -ww -e -o pid=,args= | while read -r pid args; do
    case $args in *qemu*" -name xenproof-$run-"*) ;; *) continue ;; esac
    # Word by word: a name may have blanks in it.
    name=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n '/^-name$/{n;p;q;}')
    ! is_ours "$name" || kill -KILL "$pid"
done 2>/dev/null
# A pool that a guest had for itself: its one CPU goes back to dom0's pool.
xl cpupool-list -c 2>/dev/null | while read -r pool cpu; do
    [ "$pool" != "${pool#xp-}" ] && is_ours "xenproof-${pool#xp-}" && xl cpupool-destroy "$pool" && xl cpupool-cpu-add Pool-0 "$cpu"
done >/dev/null 2>&1
# What libvirt still knows of them.
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
# A loop device on a file that is gone would stay for ever.
for loop in /sys/block/loop*; do
    [ -e "$loop/loop/backing_file" ] && read -r file <"$loop/loop/backing_file" || continue
    case $file in "$folder"/*) losetup -d "/dev/${loop##*/}" ;; esac
done 2>/dev/null
# Logs, which are turned: xl-NAME.log, qemu-dm-NAME.log.1.
for log in /var/log/xen/*-xenproof-"$run"-*.log* /var/log/libvirt/libxl/xenproof-"$run"-*.log; do
    name=${log##*/}
    case $name in xenproof-* | xl-xenproof-* | qemu-dm-xenproof-* | guest-xenproof-*) ;; *) continue ;; esac
    name=xenproof-${name#*xenproof-}
    ! is_ours "${name%%.log*}" || rm -f -- "$log"
done
# What was leased for them (lease.sh, port_lease.sh).
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
# At last: who waits for that makes guests of this run at once, and a folder at the same place.
rm -rf -- "$folder"
! [ "$folder" -ef /proc/self/fd/9 ] || echo "folder $folder"
