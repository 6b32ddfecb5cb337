# Locks the folder $leases, in which all runs that use a host find each other's leases, until the script ends or lets
# descriptor 9 go.
mkdir -p -m 700 "$leases" && exec 9<"$leases" && flock -w 60 9 || {
    echo "cannot lock $leases; see whether flock (package util-linux) is installed and /run can be written to" >&2
    exit 1
}
