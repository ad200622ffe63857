# Data of a version that knew no keys, brought up to date by an upgrade to this package.

planted_old=planted-in-the-older-data

show_older_data() {
  local key
  reinstall_before
  key=$(key_sum)
  make_older_data
  check "the older data hold the secret in clear" script "grep -qa $planted_old /var/lib/agent-system/agent.db"
  apt_install /root/new.deb >"$rig/upgrade.log" 2>&1 || { cat "$rig/upgrade.log"; fail "apt upgrades it"; }
  wait_for "an upgrade over data of the first schema ends with a service" 20 serving
  check "they take the installation's master key" is "$(key_sum)" "$key"
  check "and none lies beside them" script '! [ -e /var/lib/agent-system/keys/master.key ]'
  wait_for "their rows are sealed" 20 script "
    curl -sf --unix-socket /run/agent-system/api.sock http://localhost/api/keys | grep -q '\"running\":false' &&
    ! grep -rqa $planted_old /var/lib/agent-system"
  check "their schema is the newest" is "$(schema)" "$(newest_schema)"
  check "their tasks are there" completed task-1
  check "the one with secrets too, and shows none" script "
    task=\$(agent-system task show task-2 --json) && echo \"\$task\" && grep -q '\"status\":\"completed\"' <<<\"\$task\" &&
    grep -q '\[sealed\]' <<<\"\$task\" && ! grep $planted_old <<<\"\$task\""
  check "no file of the data, of the log, and not the journal show one" script "
    ! grep -ra $planted_old /var/lib/agent-system /var/log/agent && ! journalctl | grep $planted_old"
  check "the old key of digests is in the ring, and its file gone" script '! [ -e /var/lib/agent-system/keys/digest.key ]'
  show_first_task
  check "after the newest of the older tasks" completed task-3
}

reinstall_before() {
  inside env DEBIAN_FRONTEND=noninteractive apt-get purge -y agent-system >/dev/null 2>&1 || fail "apt purges it"
  apt_install /root/before.deb >/dev/null 2>&1 || fail "the version before is installed"
  wait_for "the version before serves" 15 serving
}

# One task without secrets and one with, made while no member's name counts as sensitive. Then everything that came after
# the first schema is taken away, the keys too, and the service that is to meet it waits for the upgrade.
make_older_data() {
  show_first_task
  script 'cp -p /etc/agent-system/encryption.yaml /root/ && cd /etc/agent-system &&
    sed -i -e "s/- api_key/- no_member_has_this_name/" -e "/- password/d" -e "/- token/d" encryption.yaml'
  inside systemctl restart agent-system || fail "it starts with another list of sensitive fields"
  wait_for "it serves with another list of sensitive fields" 15 serving
  check "a task with secrets runs, and none is sealed" script "
    curl -sf --unix-socket /run/agent-system/api.sock 'http://localhost/api/tasks?wait=20s' \
      -H 'Content-Type: application/json' -d '{\"agent\": \"coder\", \"input\": {\"prompt\": \"List the files\",
        \"password\": \"$planted_old\"}, \"labels\": {\"token\": \"$planted_old\"}}' |
      grep '\"status\":\"completed\"' | grep -q $planted_old"
  inside systemctl stop agent-system
  rewind_schema "$machine/var/lib/agent-system/agent.db"
  script "set -e; cp -p /root/encryption.yaml /etc/agent-system/; cd /var/lib/agent-system/keys; rm -f ./*
    head -c 32 /dev/urandom >digest.key; chmod 0600 digest.key; chown agent-system: digest.key"
}

# As OldSchema.swift has it: only the tables of the first schema stay.
rewind_schema() {
  python3 - "$1" <<'PYTHON'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
first = ("meta", "name", "counter", "agent_version", "agent_state", "task", "journal", "label", "idempotency")
kinds = "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') AND name NOT LIKE 'sqlite%'"
for kind, name in database.execute(kinds).fetchall():
    if name not in first:
        database.execute(f"DROP {kind} {name}")
database.execute("ALTER TABLE task DROP COLUMN sealed")
database.execute("PRAGMA user_version = 1")
database.commit()
PYTHON
}

# The number that the database's header has, at byte 60; and the newest that the program knows.
schema() { od -An -j60 -N4 -t u4 --endian=big "$machine/var/lib/agent-system/agent.db" | tr -d ' '; }
newest_schema() { grep -oE 'Step\(number: [0-9]+' Sources/AgentPersistence/Schema/Migrations.swift | grep -oE '[0-9]+$' | tail -n 1; }
