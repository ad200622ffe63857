# A machine for the package: a Debian 12 with the packages of Depends, its own systemd really booted by systemd-nspawn,
# and loopback as its only network. Sourced by `run`; `machine` is its root folder.
set -euo pipefail

rig=.build-rig
base=$rig/rootfs.tar
machine=$rig/machine
leader=
nspawn=
count=0

# What Depends names and a minimal Debian lacks, and curl and procps for the manual's scripts.
contents=systemd,systemd-sysv,dbus,udev,iproute2,procps,curl,ca-certificates,libsodium23,libcurl4,libsqlite3-0,libstdc++6

note() { echo "# $*"; }

# `ok SENTENCE`: what was to be shown is shown; numbered as TAP has it.
ok() {
  count=$((count + 1))
  echo "ok $count - $*"
}

# Ends the run: with what failed, and what the machine had to say.
fail() {
  count=$((count + 1))
  echo "not ok $count - $*"
  if [ -n "$leader" ]; then
    inside systemctl status --no-pager --lines=0 agent-system 2>&1 | sed 's/^/# /' || true
    inside journalctl --no-pager --lines=30 --unit agent-system 2>&1 | sed 's/^/# /' || true
  fi
  exit 1
}

# `check SENTENCE COMMAND...`: the command, run here, is to succeed.
check() {
  local sentence=$1
  shift
  local output
  output=$("$@" 2>&1) || { sed 's/^/# /' <<<"$output"; fail "$sentence"; }
  ok "$sentence"
}

# `wait_for SENTENCE SECONDS COMMAND...`: waits until the command succeeds.
wait_for() {
  local sentence=$1 seconds=$2 until
  shift 2
  until=$(($(milliseconds) + seconds * 1000))
  until "$@" >/dev/null 2>&1; do
    [ "$(milliseconds)" -lt "$until" ] || fail "$sentence (not within $seconds s)"
    sleep 0.05
  done
  ok "$sentence"
}

milliseconds() { date +%s%3N; }
# 2102 is 2.1 s.
seconds() { echo "$(($1 / 1000)).$(($1 % 1000 / 100)) s"; }

make_base() {
  if [ -f "$base" ] && [ "$(cat "$rig/contents" 2>/dev/null)" = "$contents" ]; then return 0; fi
  note "making the base tree: a minute or two, once"
  mkdir -p "$rig"
  mmdebstrap --quiet --variant=minbase --include="$contents" bookworm "$rig/new.tar" 2>"$rig/base.log" \
    || { cat "$rig/base.log" >&2; echo "Bail out! mmdebstrap failed"; exit 1; }
  mv "$rig/new.tar" "$base"
  echo "$contents" >"$rig/contents"
}

unpack_machine() {
  rm -rf "$machine"
  mkdir -p "$machine"
  tar -C "$machine" -xpf "$base" --exclude='./dev/*'
  # What apt would fetch anew is not to be reached, and is not asked for.
  : >"$machine/etc/apt/sources.list"
  echo agent-machine >"$machine/etc/hostname"
}

boot() {
  # Without a volatile overlay: what is written outlives a reboot.
  setsid systemd-nspawn --quiet --directory="$machine" --machine="agent-rig-$$" --private-network --register=no \
    --keep-unit --boot --system-call-filter=@memlock --console=pipe >>"$rig/boot.log" 2>&1 </dev/null &
  nspawn=$!
  local tries=0
  until leader=$(pgrep -P "$nspawn"); do
    tries=$((tries + 1))
    [ $tries -lt 200 ] && kill -0 "$nspawn" 2>/dev/null || { tail "$rig/boot.log"; echo "Bail out! no boot"; exit 1; }
    sleep 0.1
  done
  tries=0
  # The first child makes the machine's process 1, and goes: asked for again each time.
  until leader=$(pgrep -P "$nspawn") && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { tail "$rig/boot.log"; echo "Bail out! the machine does not come up"; exit 1; }
    sleep 0.1
  done
}

# Every command runs as root in the machine, with nothing of our environment.
inside() { nsenter -t "$leader" -a -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb "$@" </dev/null; }
script() { inside bash -c "$1"; }

halt() {
  [ -n "$leader" ] || return 0
  # What shutdown of a container's systemd listens for.
  kill -RTMIN+3 "$leader" 2>/dev/null || true
  local tries=0
  while kill -0 "$nspawn" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -gt 600 ]; then
      note "the machine did not halt; it is cut"
      kill -KILL "$leader" "$nspawn" 2>/dev/null || true
      break
    fi
    sleep 0.1
  done
  wait "$nspawn" 2>/dev/null || true
  leader=
  nspawn=
}

# Without a question that needs an answer: no terminal, no standard input, and dpkg's own defaults.
apt_install() { inside env DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades "$@"; }

# The steps of this run start the service more often than systemd would let them in two minutes.
forget_starts() { inside systemctl reset-failed agent-system; }

property() { inside systemctl show --property="$1" --value agent-system; }
active() { [ "$(property ActiveState)" = active ]; }
answers() { inside curl -sf --max-time 5 http://localhost:8080/health; }
serving() { active && answers; }

# The table at the end of the run.
figures=()
figure() { figures+=("$1|$2"); }
print_figures() {
  note "figures, on $(nproc) processors:"
  local line
  for line in "${figures[@]}"; do printf '# %-34s %s\n' "${line%%|*}" "${line#*|}"; done
}
