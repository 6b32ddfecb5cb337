# Runs probes one after the other and frames their output, on bash 4.2, dash and busybox alike.
# The caller sets n, a random mark that no probe can know, and xenproof_mark, another mark for what a probe prints,
# and then calls b, p for each probe, and e.
#
# Each frame is the mark, a space and a line, and follows the output of its probe; it is written
# to stdout and to stderr, so both can be split.  Nothing is written to the host.
#
# Starting a process is slow on a slow host, so a probe is a subshell, not a `timeout sh -c`, which
# takes four times as long there (and the timeout of busybox does not kill grandchildren).  A ticker enforces
# the limits: it signals this shell each second, which interrupts its `wait`.
# by a ticker that signals this shell each second, which interrupts its `wait`.
LC_ALL=C
export LC_ALL
k=0 i=0

m() { # frame the line $1 on both outputs
  printf '%s %s\n' "$n" "$1"
  printf '%s %s\n' "$n" "$1" >&2
}

x() { # kill the probe $c, its descendants and, in our own session, all that it left there
  # One cat for all, because `read` makes a system call per byte.  The name of a process may contain anything,
  # even a line break, but parent and session follow after the last parenthesis.
  a=$(cat /proc/[0-9]*/stat 2>/dev/null)
  h=" $c "
  IFS='
'
  set -f
  for l in $a $a; do # twice: a child may be listed before its parent
    q=${l%% *}
    l=${l##*) ? }
    P=${l%% *}
    S=${l#* * }
    case " $w $$ $h" in *" $q "*) continue ;; esac
    case "$q$P" in *[!0-9]*) continue ;; esac
    [ "$P" = "$w" ] && continue
    case $h in *" $P "*) S=$o ;; esac
    [ "${S%% *}" = "$o" ] && h="$h$q "
  done
  set +f
  unset IFS
  kill -s KILL $h 2>/dev/null
}

ticker() { # one signal to this shell each second, until it is gone
  trap 'kill "$z"; exit 0' TERM
  trap '' USR1
  while :; do
    sleep 1 & z=$!
    # Without sleep no limit can be enforced; signals without a pause would end every probe at once.
    wait "$z" || exit 0
    kill -s USR1 $$ || exit 0
  done
}

b() { # begin
  # Only in our own session can the processes that a probe left be told apart from others.
  y=tree o=none
  read -r l <"/proc/$$/stat" # 7 (a b) S PARENT GROUP SESSION ...
  l=${l##*) ? }
  l=${l#* * }
  [ "${l%% *}" = $$ ] && y=session o=$$
  trap 'k=$((k + 1))' USR1
  # With `exec`, because dash would keep the outputs open until the function ends: if this shell is killed, the
  # reader of the outputs would wait until the ticker notices it.
  {
    exec </dev/null >/dev/null 2>&1
    ticker
  } &
  w=$!
  m "start $y"
}

p() { # run the probe $2 for at most $1 seconds
  k=0 t=0 d=0
  (
    unset n
    trap - USR1
    eval "$2"
  ) </dev/null &
  c=$!
  while wait "$c"; r=$?; [ "$r" -eq 138 ] && [ "$k" -ne "$t" ]; do # 138: SIGUSR1 arrived, the probe still runs
    t=$k
    if [ "$k" -gt "$1" ]; then
      x
      x # again, for processes that were just being started
      wait "$c" 2>/dev/null
      r=124 d=1
      break
    fi
  done
  m "$i $r $d"
  i=$((i + 1))
}

e() { # the end
  kill -s TERM "$w" 2>/dev/null
  m end
}
