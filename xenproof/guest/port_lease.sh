# Claims $count of the TCP $ports of a host for the run whose folder is $folder, as long as that is there, and prints
# them.  Runs behind claims.sh.
for port in $ports; do
    [ "$count" -gt 0 ] || break
    claim=$claims/port-$port
    [ -e "$claim" ] && read -r other <"$claim" && [ -d "$other" ] && continue
    echo "$folder" >"$claim" || exit 1
    echo "$port"
    count=$((count - 1))
done
