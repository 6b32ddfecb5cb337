# Leases $count of the TCP $ports of a host to the run whose folder is $folder, for as long as that exists, and prints
# them.  Runs after lease_lock.sh.
for port in $ports; do
    [ "$count" -gt 0 ] || break
    lease=$leases/port-$port
    [ -e "$lease" ] && read -r other <"$lease" && [ -d "$other" ] && continue
    echo "$folder" >"$lease" || exit 1
    echo "$port"
    count=$((count - 1))
done
