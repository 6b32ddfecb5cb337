# Requests capacity of a host for the guest $name, unless it has a request: $mib of memory and $vcpus processors, for as
# long as the folder $folder of its run exists.  Prints all requests, and what the host has free and runs.
#
# All runs that use the host share these files.  A request's number is its turn: capacity is granted only after the
# requests before it, so two guests never get the same capacity, and none is overtaken.  Runs after lease_lock.sh.
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
