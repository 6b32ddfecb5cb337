# Claims $count of the TCP $ports of a host for the run whose folder is $folder, as long as that is there, and prints
# them.  $claims is the folder in which all runs that use the host find each other's claims.
mkdir -p -m 700 "$claims" && exec 9<"$claims" && flock -w 60 9 || {
    echo "cannot lock $claims; see whether flock (package util-linux) is installed and /run can be written to" >&2
    exit 1
}
for port in $ports; do
    [ "$count" -gt 0 ] || break
    claim=$claims/port-$port
    [ -e "$claim" ] && read -r other <"$claim" && [ -d "$other" ] && continue
    echo "$folder" >"$claim" || exit 1
    echo "$port"
    count=$((count - 1))
done
