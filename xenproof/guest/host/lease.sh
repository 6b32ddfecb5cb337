# Requests capacity of a host for the guest $name, unless it did already: $mib of memory and $vcpus processors, as long
# as the folder $folder of its run is there.  Prints all requests, and what the host has free and runs.
#
# All runs that use the host know of each other by these files.  A request's number is its turn: it counts those before
# it and no other, so two at a time never take the same capacity, and none is overtaken.  Runs behind lease_lock.sh.
last=0
for request in "$leases"/xenproof-*; do
    [ -e "$request" ] && read -r number other_mib other_vcpus other_folder <"$request" || continue
    [ -d "$other_folder" ] || {
        rm -f "$request" # its run is over
        continue
    }
    [ "$number" -le "$last" ] || last=$number
    echo "request ${request##*/} $number $other_mib $other_vcpus"
done
if [ ! -e "$leases/$name" ]; then
    number=$((last + 1))
    echo "$number $mib $vcpus $folder" >"$leases/$name" || exit 1
    echo "request $name $number $mib $vcpus"
fi
flock -u 9
echo "xl list"
xl list
echo "xl info"
xl info
