# Claims room on a host for the guest $name, unless it did already: $mib of memory and $vcpus processors, as long as
# the folder $folder of its run is there.  Prints all claims, and what the host has free and runs.
#
# All runs that use the host know of each other by these files.  A claim's number is its turn: it counts those before
# it and no other, so two at a time never take the same room, and none is overtaken.  Runs behind claims.sh.
last=0
for claim in "$claims"/xenproof-*; do
    [ -e "$claim" ] && read -r number other_mib other_vcpus other_folder <"$claim" || continue
    [ -d "$other_folder" ] || {
        rm -f "$claim" # its run is over
        continue
    }
    [ "$number" -le "$last" ] || last=$number
    echo "claim ${claim##*/} $number $other_mib $other_vcpus"
done
if [ ! -e "$claims/$name" ]; then
    number=$((last + 1))
    echo "$number $mib $vcpus $folder" >"$claims/$name" || exit 1
    echo "claim $name $number $mib $vcpus"
fi
flock -u 9
echo "xl list"
xl list
echo "xl info"
xl info
