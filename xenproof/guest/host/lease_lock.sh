# Locks the folder $leases, which holds the leases of all runs that use a host, until the script ends or unlocks
# descriptor 9.
mkdir -p -m 700 "$leases" && exec 9<"$leases" && flock -w 60 9 || {
    echo "cannot lock $leases; see whether flock (package util-linux) is installed and /run can be written to" >&2
    exit 1
}
