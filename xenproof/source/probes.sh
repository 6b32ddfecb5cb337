# Runs probes one after the other and frames what they print, on bash 4.2, dash and busybox alike.
# The caller sets n, a random mark that no probe can know, and then calls p for each probe, and e.
#
# Each frame is the mark, a space and a line, and stands behind the output of its probe; it is written
# to stdout and to stderr, so both can be cut apart.  Nothing is written to the host.
#
# A new process costs much on a slow host, so a probe is a subshell, not a `timeout sh -c`.  Its limit
# is kept by a ticker that signals this shell each second, which interrupts its `wait`.
LC_ALL=C
export LC_ALL
k=0 i=0 w=

m() { # frame the line $1 on both outputs
  printf '%s %s\n' "$n" "$1"
  printf '%s %s\n' "$n" "$1" >&2
}

s() { # the session of process directory $1: field 6 of `7 (a b) S 1 7 7 ...`
  { read -r l <"$1/stat"; } 2>/dev/null || return 1
  set -- ${l##*) }
  S=$4 P=$2
}

x() { # end every process of our session but ourselves and the ticker
  # One cat for all, because `read` takes a system call per byte.  What it says is only a hint: a
  # process may have any name, even one that looks like a line, so each hit is looked at again.
  h=
  IFS='
'
  set -f
  for l in $(cat /proc/[0-9]*/stat 2>/dev/null); do
    case $l in *" $$ "*) h="$h ${l%% *}" ;; esac
  done
  set +f
  unset IFS
  for q in $h; do
    case $q in "$$" | "$w" | *[!0-9]*) continue ;; esac
    s "/proc/$q" && [ "$S" = $$ ] && [ "$P" != "$w" ] && kill -s KILL "$q" 2>/dev/null
  done
}

ticker() { # one signal to this shell each second, until it is gone
  trap 'kill "$z"; exit 0' TERM
  trap '' USR1
  while :; do
    sleep 1 & z=$!
    wait "$z"
    kill -s USR1 $$ || exit 0
  done
}

p_session() { # run the probe $2 for at most $1 seconds
  k=0
  (
    unset n
    trap - USR1
    eval "$2"
  ) </dev/null &
  c=$! t=0
  while wait "$c"; r=$?; [ "$r" -eq 138 ] && [ "$k" -ne "$t" ]; do # 138: SIGUSR1 came, the probe goes on
    t=$k
    if [ "$k" -gt "$1" ]; then
      x; x # twice, for what was just being started
      wait "$c" 2>/dev/null
      r=124 o=1
      return
    fi
  done
}

p_timeout() {
  timeout -k 1 "$1" sh -c "$2" </dev/null
  r=$?
  case $r in 124 | 137 | 143) o=1 ;; esac # 143 from busybox
}

p_plain() {
  ( unset n; eval "$2" ) </dev/null
  r=$?
}

p() { # run one probe: limit in seconds, script
  o=0
  "p_$y" "$1" "$2"
  m "$i $r $o"
  i=$((i + 1))
}

b() { # find out how limits can be kept here, and begin
  # Only in a session of our own can strays be told from the processes of others.
  if s /proc/$$ && [ "$S" = $$ ]; then
    y=session
    trap 'k=$((k + 1))' USR1
    ticker </dev/null >/dev/null 2>&1 &
    w=$!
  elif timeout -k 1 9 true 2>/dev/null; then
    y=timeout
  else
    y=plain
  fi
  m "start $y"
}

e() { # the end
  [ -z "$w" ] || kill -s TERM "$w"
  m end
}
