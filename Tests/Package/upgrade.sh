# What follows the first version: upgrades, whole and cut short, a downgrade, removal, purge.

version() { inside dpkg-query --show --showformat='${Version}' agent-system; }
installed() { [ "$(inside dpkg-query --show --showformat='${db:Status-Status}' agent-system)" = installed ]; }
key_sum() { script 'sha256sum </etc/agent-system/credentials/master.key'; }

# The package before this one: the one that the last run of the rig ended with, if it is an older one, else this one
# under a lower version.
make_before() {
  local current last=$rig/last.deb tree=$rig/before
  current=$(dpkg-deb --field "$package" Version)
  if [ -f "$last" ] && dpkg --compare-versions "$(dpkg-deb --field "$last" Version)" lt "$current"; then
    note "the version before is $(dpkg-deb --field "$last" Version)"
    cp "$last" "$rig/before.deb"
    return 0
  fi
  rm -rf "$tree"
  dpkg-deb --raw-extract "$package" "$tree"
  sed -i "s/^Version:.*/Version: $current~before/" "$tree/DEBIAN/control"
  dpkg-deb --root-owner-group -Zgzip -z1 --build "$tree" "$rig/before.deb" >/dev/null
  rm -rf "$tree"
}

# The files under etc/ that both packages have alike. Of released ones that is all of them; between two commits one may
# change, and dpkg would rightly ask about it.
kept_conffiles() {
  local file
  for file in $(dpkg-deb --contents "$package" | grep -oE '\./etc/agent-system/[^/]+\.(yaml|env)$'); do
    if cmp -s <(dpkg-deb --fsys-tarfile "$package" | tar -xO "$file") \
      <(dpkg-deb --fsys-tarfile "$rig/before.deb" | tar -xO "$file" 2>/dev/null); then
      echo "${file#.}"
    fi
  done
}

# A maintainer script that is killed before its command number N, for each N until it runs to its end: bash runs it,
# for bash tells of each command. `kill_everywhere SENTENCE SCRIPT DPKG-COMMAND...`
kill_everywhere() {
  local sentence=$1 name=$2 kills=0
  shift 2
  script "sed -i '1s,^#!/bin/sh,#!/bin/bash,' /var/lib/dpkg/info/agent-system.$name"
  until inside env BASH_ENV=/root/kill-at.sh "KILL_IN=$name" "KILL_AT=$((kills + 1))" "$@" >"$rig/kill.log" 2>&1; do
    grep -q "^killed before" "$rig/kill.log" || { cat "$rig/kill.log"; fail "$sentence"; }
    kills=$((kills + 1))
    [ $kills -lt 200 ] || fail "$sentence (no end)"
    after_kill
  done
  [ $kills -gt 0 ] || fail "$sentence (nothing was killed)"
  ok "$sentence ($kills kills)"
}

# The same for a script of the installed version that runs while another is unpacked over it. The kill takes dpkg with it,
# as a power cut does: left alone it would ask the new version's script to make good. Then the installation is run again,
# as docs/INSTALL.md says.
kill_unpack_everywhere() {
  local sentence=$1 name=$2 kills=0
  while script "sed -i '1s,^#!/bin/sh,#!/bin/bash,' /var/lib/dpkg/info/agent-system.$name" &&
    ! inside env BASH_ENV=/root/kill-at.sh "KILL_IN=$name" "KILL_AT=$((kills + 1))" KILL_DPKG=yes \
      dpkg --unpack /root/new.deb >"$rig/kill.log" 2>&1; do
    grep -q "^killed before" "$rig/kill.log" || { cat "$rig/kill.log"; fail "$sentence"; }
    kills=$((kills + 1))
    [ $kills -lt 50 ] || fail "$sentence (no end)"
    script "mkdir -p /root/again && ln -sf /root/new.deb /root/again/agent-system_new.deb && cd /root/again
      export DEBIAN_FRONTEND=noninteractive; $(block Upgrade 2)" >>"$rig/kill.log" 2>&1 && installed ||
      { cat "$rig/kill.log"; fail "$sentence"; }
    after_kill
  done
  inside dpkg --configure agent-system >>"$rig/kill.log" 2>&1 || { cat "$rig/kill.log"; fail "$sentence"; }
  after_kill
  [ $kills -gt 0 ] || fail "$sentence (nothing was killed)"
  ok "$sentence ($kills kills)"
}

write_killer() {
  cat >"$machine/root/kill-at.sh" <<'KILLER'
if [[ $0 == *agent-system.$KILL_IN ]]; then
  set -T
  command_number=0
  trap '[[ ++command_number -ne KILL_AT ]] || {
    echo "killed before: $BASH_COMMAND"
    kill -KILL ${KILL_DPKG:+$PPID} $$ $BASHPID
  }' DEBUG
fi
KILLER
}

# `change_by_hand FILES` and `changed_by_hand FILES`: each of these files of the configuration, and whether all still are.
change_by_hand() { script "for file in ${1//$'\n'/ }; do echo '# changed by hand' >>\$file; done"; }
changed_by_hand() { script "for file in ${1//$'\n'/ }; do [ \"\$(tail -n 1 \$file)\" = '# changed by hand' ] || { echo \$file; exit 1; }; done"; }
environment_is_the_groups() { is "$(script 'stat -c "%U:%G %a" /etc/agent-system/agent-system.env')" "root:agent-system 640"; }

show_upgrade() {
  local before key kept
  make_before
  kept=$(kept_conffiles)
  write_killer
  cp "$rig/before.deb" "$machine/root/before.deb"
  apt_install /root/before.deb >/dev/null 2>&1 || fail "the version before is installed"
  wait_for "the version before serves" 10 serving
  show_first_task
  show_trial
  [ -n "$kept" ] || fail "files of the configuration stay as they were"
  change_by_hand "$kept"
  key=$(key_sum)
  before=$(pid)
  apt_install /root/new.deb >"$rig/upgrade.log" 2>&1 || { cat "$rig/upgrade.log"; fail "apt upgrades it"; }
  ok "apt upgrades it without a question, though files were changed by hand"
  wait_for "an upgrade restarts the service" 15 anew "$before"
  check "it is the new version" is "$(version)" "$(dpkg-deb --field "$package" Version)"
  check "the data are there" completed task-1
  check "what was changed by hand is there" changed_by_hand "$kept"
  check "the environment's file is the group's" environment_is_the_groups
  check "the master key is the same" is "$(key_sum)" "$key"
  check "the first install's words are not said again" script "! grep -q 'recovery new' <<'TEXT'
$(cat "$rig/upgrade.log")
TEXT"
}

# `.shows(.packageLife, "upgrade killed", "conffiles")`
show_cut_upgrade() {
  local key before kept
  kept=$(kept_conffiles)
  # Not a downgrade: data that the new version has opened may be no more for the one before.
  inside env DEBIAN_FRONTEND=noninteractive apt-get purge -y agent-system >/dev/null 2>&1 || fail "apt purges it"
  apt_install /root/before.deb >/dev/null 2>&1 || fail "the version before is installed"
  wait_for "the version before serves" 15 serving
  show_first_task
  [ -n "$kept" ] || fail "files of the configuration stay as they were"
  change_by_hand "$kept"
  key=$(key_sum)
  before=$(pid)
  inside dpkg --unpack /root/new.deb >/dev/null 2>&1 || fail "dpkg unpacks"
  after_kill() {
    [ "$(key_sum)" = "$key" ] || fail "a killed script leaves the master key as it is"
    changed_by_hand "$kept" && environment_is_the_groups || fail "a killed script leaves the configuration as it is"
  }
  kill_everywhere "an upgrade whose postinst is killed anywhere and run again ends well" postinst dpkg --configure agent-system
  wait_for "and the new version serves" 15 anew "$before"
  check "dpkg has it installed" installed
  kill_unpack_everywhere "an upgrade whose prerm is killed anywhere, dpkg with it, and run again ends well" prerm
  kill_unpack_everywhere "an upgrade whose postrm is killed anywhere, dpkg with it, and run again ends well" postrm
  wait_for "and it serves" 15 serving
  check "dpkg has it installed, and finds nothing missing or half done" script '
    [ -z "$(dpkg --audit)" ] && ! dpkg --verify agent-system | grep -v " c /etc/"'
  check "the data are there" completed task-1
  check "what was changed by hand is there" changed_by_hand "$kept"
  check "nothing of dpkg's lies beside it" script '! find /etc/agent-system -name "*.dpkg-*" | grep .'
  check "the environment's file is the group's" environment_is_the_groups
}

# `add_to_schema NUMBER`: to the one that the stopped service's database has.
add_to_schema() {
  python3 - "$machine/var/lib/agent-system/agent.db" "$1" <<'PYTHON'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
version = database.execute("PRAGMA user_version").fetchone()[0]
database.execute(f"PRAGMA user_version = {version + int(sys.argv[2])}")
database.commit()
database.close()
PYTHON
}
# `way_out_told SECONDS`: since then, seconds of the epoch.
way_out_told() {
  script "journalctl --unit agent-system --since @$1 | grep -q 'schema_newer.*Install that version again.*put the backup back'"
}

# `.shows(.packageLife, "downgrade")`
show_newer_schema() {
  local since
  since=$(date +%s)
  inside systemctl stop agent-system
  add_to_schema 1000
  inside systemctl start agent-system 2>/dev/null || true
  wait_for "data of a newer version are refused, with the way out" 10 way_out_told "$since"
  script 'journalctl --unit agent-system | grep schema_newer | tail -n 1' | sed 's/^/# /'
  wait_for "and the tries end" 120 script '[ "$(systemctl show -P ActiveState agent-system)" = failed ]'
  add_to_schema -1000
  apt_install --reinstall /root/new.deb >/dev/null 2>&1 || fail "installing the version that fits"
  wait_for "installing the version that fits starts it" 15 serving
  check "the data are whole" completed task-1
}

# The version before this one is put over data of a newer schema. `.shows(.packageLife, "downgrade", "conffiles")`
show_downgrade() {
  local kept since
  kept=$(kept_conffiles)
  [ -n "$kept" ] || fail "files of the configuration stay as they were"
  change_by_hand "$kept"
  forget_starts
  inside systemctl stop agent-system
  add_to_schema 1000
  since=$(date +%s)
  check "apt installs an older version over newer data without a question" apt_install /root/before.deb
  check "it is the older version" is "$(version)" "$(dpkg-deb --field "$rig/before.deb" Version)"
  wait_for "which refuses the data, with the way out" 10 way_out_told "$since"
  wait_for "and the unit fails" 120 script '[ "$(systemctl show -P ActiveState agent-system)" = failed ]'
  check "what was changed by hand is there" changed_by_hand "$kept"
  add_to_schema -1000
  apt_install /root/new.deb >/dev/null 2>&1 || fail "apt installs the newer one again"
  wait_for "with the newer one again it serves" 15 serving
  check "the data are whole" completed task-1
  check "what was changed by hand is still there" changed_by_hand "$kept"
  check "the environment's file is the group's" environment_is_the_groups
}

# Scripted answers are a change of providers.yaml, which between two commits may have changed too.
keep_ours=(-o Dpkg::Options::=--force-confold)

# The service is restarted under a task whose second step is a model's answer that takes an hour.
show_busy_upgrade() {
  local before
  reinstall_before
  begin_long_task task-1 "Outlive the upgrade"
  before=$(pid)
  quicken_long_task
  apt_install "${keep_ours[@]}" /root/new.deb >"$rig/upgrade.log" 2>&1 || { cat "$rig/upgrade.log"; fail "apt upgrades it"; }
  wait_for "an upgrade restarts the service under a task in hand" 15 anew "$before"
  check "it is the new version" is "$(version)" "$(dpkg-deb --field "$package" Version)"
  finished_long_task task-1
}

show_disabled_upgrade() {
  reinstall_before
  inside systemctl disable --now --quiet agent-system || fail "it is disabled"
  check "apt upgrades it while it is disabled" apt_install /root/new.deb
  check "it stays off, and disabled" script '
    ! systemctl is-active --quiet agent-system && ! systemctl is-enabled --quiet agent-system &&
    [ "$(systemctl show -P NRestarts agent-system)" = 0 ] && ! pgrep -x agent-system'
  check "enabled again it starts" inside systemctl enable --now --quiet agent-system
  wait_for "and serves" 15 serving
}

show_removal() {
  local key
  key=$(key_sum)
  check "apt removes it" inside env DEBIAN_FRONTEND=noninteractive apt-get remove -y agent-system
  check "no process, no unit, no program is left" script '
    ! systemctl cat agent-system 2>/dev/null && ! pgrep -x agent-system && ! [ -e /usr/bin/agent-system ]'
  check "data, log, configuration and master key stay" script '
    ls /var/lib/agent-system/agent.db /var/log/agent/app.log /etc/agent-system/server.yaml'
  check "the key is the same" is "$(key_sum)" "$key"
  apt_install /root/new.deb >/dev/null 2>&1 || fail "apt installs it anew"
  wait_for "installed anew it serves" 15 serving
  check "with the tasks of before" completed task-1
  write_killer
  after_kill() { [ "$(key_sum)" = "$key" ] || fail "a killed removal leaves the master key as it is"; }
  kill_everywhere "a removal whose postrm is killed anywhere and run again ends well" postrm dpkg --remove agent-system
  apt_install /root/new.deb >/dev/null 2>&1 || fail "apt installs it anew"
  wait_for "installed anew it serves again" 15 serving
  check "with the tasks of before, again" completed task-1
}

# With the state on a disk of its own, which cannot be taken away, and the log behind a link.
show_purge() {
  local data=/var/lib/agent-system
  write_killer
  after_kill() { :; }
  inside systemctl is-active --quiet agent-system || fail "it is active before the purge"
  kill_everywhere "a removal whose prerm is killed anywhere and run again ends well" prerm dpkg --remove agent-system
  script "set -e; mv $data /root/state && mkdir $data && mount -t tmpfs tmpfs $data && cp -a /root/state/. $data/
    mkdir $data/mounted && mount -t tmpfs tmpfs $data/mounted && touch $data/mounted/file && rm -r /root/state
    mv /var/log/agent /srv/log && ln -s /srv/log /var/log/agent && [ -e /var/log/agent/app.log ] && [ -e $data/agent.db ]"
  kill_everywhere "a purge whose postrm is killed anywhere and run again ends well" postrm dpkg --purge agent-system
  check "a disk that the state was on is emptied, and so is what the log's link led to" script "
    mountpoint -q $data && mountpoint -q $data/mounted && ! find $data ! -type d | grep . && [ \"\$(ls -A $data)\" = mounted ] &&
    [ -z \"\$(ls -A /srv/log)\" ] && umount $data/mounted $data && rmdir $data /srv/log"
  check "a purge leaves nothing" script '
    ! ls -d /etc/agent-system /var/lib/agent-system /var/log/agent /run/agent-system /usr/share/agent-system \
      /usr/share/doc/agent-system 2>/dev/null &&
    ! find /etc/systemd /lib/systemd /usr/lib/sysusers.d /var/lib/systemd -name "agent*" | grep . &&
    ! dpkg-query --show agent-system 2>/dev/null'
}

show_cut_install() {
  local key=none
  inside dpkg --unpack /root/new.deb >/dev/null 2>&1 || fail "dpkg unpacks"
  after_kill() {
    if script '[ -e /etc/agent-system/credentials/master.key ]'; then
      [ "$key" = none ] || [ "$key" = "$(key_sum)" ] || fail "a killed postinst never makes the master key anew"
      key=$(key_sum)
      script '[ "$(stat -c "%U %a %s" /etc/agent-system/credentials/master.key)" = "root 400 45" ]' ||
        fail "a killed postinst leaves a whole master key or none"
    fi
  }
  kill_everywhere "a first install whose postinst is killed anywhere and run again ends well" postinst \
    dpkg --configure agent-system
  after_kill
  wait_for "and it serves" 15 serving
  grep -q 'agent-system run' "$rig/kill.log" || fail "the last try says where to go"
  check "the environment's file is the group's" environment_is_the_groups
  check "nothing half done lies about" script '! ls -A /etc/agent-system/credentials | grep -v "^master.key$"'
  show_first_task
}
