# What docs/INSTALL.md prints, run as it stands there.

# `block HEADING N`: the Nth block of commands below that heading.
block() {
  awk -v heading="## $1" -v wanted="$2" '
    /^##? / { inside = ($0 == heading || $0 == substr(heading, 2)) }
    inside && /^ *```sh$/ { found++; printing = (found == wanted); next }
    /^ *```$/ { printing = 0 }
    printing { print }' docs/INSTALL.md
}

dropins=/etc/systemd/system/agent-system.service.d

show_move() {
  local out in
  out=$(block "Move to another machine" 1)
  in=$(block "Move to another machine" 2)
  [[ $out == *tar* && $in == *chown* ]] || fail "docs/INSTALL.md says how to move"
  script 'mkdir -p /root/move && ln -sf /root/new.deb /root/move/agent-system_new.deb'
  script "install -D /usr/share/doc/agent-system/examples/small-machine.conf $dropins/small-machine.conf"
  check "what INSTALL.md prints packs an installation up" script "umask 022; set -e; cd /root/move; $out"
  check "for nobody else to read" is "$(script 'stat -c "%U %a" /root/move/moved.tar')" "root 600"
  check "the old machine is purged" script 'apt-get purge -y agent-system && userdel agent-system'
  check "but for the drop-ins, as INSTALL.md says" script "[ -e $dropins/small-machine.conf ] && rm -r $dropins"
  check "what INSTALL.md prints puts it on another" script "set -e; cd /root/move; export DEBIAN_FRONTEND=noninteractive; $in"
  wait_for "it serves" 15 serving
  check "with its tasks" completed task-1
  check "and its drop-ins" is "$(property MemoryMax)" 536870912
  check "nobody else reads the environment's file" environment_is_the_groups
  show_move_without_drop_ins
}

# The same commands where there are none.
show_move_without_drop_ins() {
  script "rm -r $dropins /root/move/moved.tar && systemctl daemon-reload"
  check "an installation without drop-ins is packed up too" script "
    set -e; cd /root/move; $(block "Move to another machine" 1)
    tar -tf moved.tar | grep -qx etc/agent-system/credentials/master.key && ! tar -tf moved.tar | grep systemd"
  check "and goes on where it is" inside systemctl enable --now agent-system
  wait_for "it serves" 15 serving
}

# Beside the version before, which serves: what its upgrade would do to the data.
show_trial() {
  local before
  before=$(version)
  check "what INSTALL.md prints tries an upgrade's migrations before it" script "set -e
    mkdir -p /root/trial && ln -sf /root/new.deb /root/trial/agent-system_NEWER.deb && cd /root/trial
    out=\$($(block Upgrade 1)) && echo \"\$out\" && grep -qE 'nothing to do|taken back' <<<\"\$out\""
  wait_for "and the version before serves again" 15 serving
  check "with nothing installed" is "$(version)" "$before"
}

show_first_page() {
  check "what INSTALL.md prints installs it and runs a task" script "set -e
    mkdir -p /root/page && ln -sf /root/new.deb /root/page/agent-system_new.deb && cd /root/page
    export DEBIAN_FRONTEND=noninteractive; $(block Installing 1)"
}

# `row NAME`: what `provider list` says of it, as root.
row() { inside agent-system provider list | grep "^$1 "; }
has_no_key() { row openai | grep -q no_key; }
has_its_key() { row openai | grep -qv no_key; }

show_provider_keys() {
  local file=/etc/agent-system/agent-system.env
  forget_starts
  check "without a key the provider says so" has_no_key
  script "cp -p $file /root/ && echo OPENAI_API_KEY=sk-of-nobody-9876543210 >>$file && systemctl restart agent-system"
  wait_for "it serves with a key in agent-system.env" 10 serving
  check "and the provider has it" has_its_key
  check "neither data, log nor journal show it" script '
    ! grep -ra sk-of-nobody /var/lib/agent-system /var/log/agent && ! journalctl | grep sk-of-nobody'
  script "cp -p /root/agent-system.env $file && systemctl restart agent-system"
  wait_for "it serves with that key taken back" 10 serving
  check "and the provider has none again" has_no_key
  check "systemd-creds seals a provider's key, as the example says" script 'cd /etc/agent-system/credentials &&
    printf %s sk-of-nobody-0123456789 | systemd-creds encrypt --name=openai_api_key - openai_api_key.cred &&
    ! grep -q sk-of-nobody openai_api_key.cred &&
    install -D /usr/share/doc/agent-system/examples/provider-keys.conf \
      /etc/systemd/system/agent-system.service.d/provider-keys.conf && systemctl daemon-reload &&
    systemctl restart agent-system'
  wait_for "it serves with a sealed key" 10 serving
  check "and the provider has it" has_its_key
  check "no environment shows it" script '
    ! grep -qa sk-of-nobody "/proc/$(systemctl show -P MainPID agent-system)/environ"'
  script 'rm -r /etc/systemd/system/agent-system.service.d /etc/agent-system/credentials/openai_api_key.cred &&
    systemctl daemon-reload && systemctl restart agent-system'
  wait_for "it serves without it" 10 serving
}
