# Process 1 of namespaces of their own, so that all ends with it: makes the replica in the folder $1 the root of
# what there is, and runs the command $2 in it as ssh would run it.  The environment is the replica's already.
# $3 is a file of shell text that changes the host first, for nobody but this command; empty for the good host.
set -e
/bin/mount --all --fstab "$1/mounts"
/bin/cp -a "$1/running/proc/." "$1/root/proc/"
# shellcheck disable=SC1090  # another text for each hostile host
[ -z "${3-}" ] || . "$3"
# /proc is a folder of texts; only the process that reads it is real, the command's own shell.
# shellcheck disable=SC2016  # for the shell inside
/usr/bin/setsid --wait /usr/sbin/chroot "$1/root" /bin/bash -c \
  'cd /root; ln -s "/run/replica/proc/$$" "/proc/$$"; exec /bin/bash -c "$0"' "$2"
