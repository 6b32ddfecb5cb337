# Locks the folder $claims, in which all runs that use a host find each other's claims, until the script ends or lets
# descriptor 9 go.
mkdir -p -m 700 "$claims" && exec 9<"$claims" && flock -w 60 9 || {
    echo "cannot lock $claims; see whether flock (package util-linux) is installed and /run can be written to" >&2
    exit 1
}
