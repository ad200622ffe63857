# The keys as installed, and that the disk shows no secret.

credential=/etc/agent-system/credentials/master.key
refused() { [ "$(property ActiveState)" = failed ] && [ "$(property ExecMainStatus)" = 78 ]; }

show_sealing() {
  local planted=planted-in-the-package-rig
  check "a task with secrets is taken, and runs" script "
    set -o pipefail
    id=\$(curl -sf --unix-socket /run/agent-system/api.sock 'http://localhost/api/tasks?wait=20s' \
      -H 'Content-Type: application/json' -d '{\"agent\": \"coder\", \"input\": {\"prompt\": \"List the files\",
        \"password\": \"$planted\"}, \"metadata\": {\"deep\": [{\"apiKey\": \"$planted\"}]}}') &&
    grep -q '\"status\":\"completed\"' <<<\"\$id\" && grep -q '\[sealed\]' <<<\"\$id\" && ! grep -q $planted <<<\"\$id\""
  check "neither the data, the log nor the journal show one" script "
    ! grep -ra $planted /var/lib/agent-system /var/log/agent && ! journalctl | grep $planted"
}

show_keys() {
  forget_starts
  check "key show names the credential" script 'agent-system key show | grep -q credential'
  check "key recovery new writes the code to a file of root's" script '
    agent-system key recovery new --output /root/code && [ "$(stat -c "%U %a" /root/code)" = "root 600" ]'
  check "key recovery confirm takes it" script 'agent-system key recovery confirm </root/code'
  check "key rotate ends" script 'agent-system key rotate'
  show_offline
  show_key_lost
  show_key_wrong
}

# As root, with the service stopped: what a command leaves in the data folder must be the service's.
show_offline() {
  inside systemctl stop agent-system
  check "key show, stopped, takes root's key and the data folder's owner" script '
    agent-system key show --data /var/lib/agent-system && agent-system migrate --trial &&
    ! find /var/lib/agent-system ! -user agent-system | grep .'
  inside systemctl start agent-system
  wait_for "it serves after it" 10 serving
}

show_key_lost() {
  script "mv $credential /root/master.key"
  inside systemctl restart agent-system 2>/dev/null || true
  wait_for "without its master key it is refused, once, with 78" 10 refused
  check "and says where it looked" script 'journalctl --unit agent-system | grep -q "master_key_missing.*master.key"'
  # Its data elsewhere, as `data` in server.yaml puts them: the script sees neither key nor data.
  check "an upgrade makes no other key" script "set -e
    systemctl mask --runtime --quiet agent-system
    mv /var/lib/agent-system /var/lib/elsewhere
    /var/lib/dpkg/info/agent-system.postinst configure \"\$(dpkg-query -W -f '\${Version}' agent-system)\" >/dev/null
    ! test -e $credential
    mv /var/lib/elsewhere /var/lib/agent-system
    systemctl unmask --runtime --quiet agent-system"
  check "the recovery code puts it back" script '
    agent-system key recovery use --data /var/lib/agent-system --recovery-code-file /root/code'
  inside systemctl start agent-system || fail "it starts with the key that the code gave back"
  wait_for "and it serves" 10 serving
  check "with its tasks" completed task-1
  # As INSTALL.md says: from beside the data to its own place.
  check "the key goes back to its own place" script "set -e
    $(block "When the master key is lost" 2)
    cmp /root/master.key $credential"
  wait_for "and it serves with it" 10 serving
}

show_key_wrong() {
  local sums='cd /var/lib/agent-system && find . -type f ! -name "*-shm" ! -name lock ! -size 0 -exec sha256sum {} + | sort'
  local before
  inside systemctl stop agent-system
  before=$(script "$sums")
  script "head -c 32 /dev/urandom | base64 >/root/other.key && install -m 0400 /root/other.key $credential"
  inside systemctl start agent-system 2>/dev/null || true
  wait_for "with another key it is refused with 78" 10 refused
  check "by its name" script 'journalctl --unit agent-system | grep -q master_key_wrong'
  check "and not one byte is changed" is "$(script "$sums")" "$before"
  check "its own key is put back" script "install -m 0400 /root/master.key $credential && systemctl start agent-system"
  wait_for "with its own it serves" 10 serving
}
