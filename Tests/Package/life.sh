# What a service lives through: restarts, reboots, kills, hangs, reloads, a configuration that is wrong.

pid() { property MainPID; }
# Serving, and no longer as the process given.
anew() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && serving; }
completed() { script "agent-system task show $1 --json | grep -q '\"status\":\"completed\"'"; }

show_restarts() {
  local before name
  for name in agent agent-system; do
    before=$(pid)
    check "systemctl restart $name" inside systemctl restart "$name"
    wait_for "it serves anew after it" 15 anew "$before"
  done
}

answers_file=/etc/agent-system/sandbox-script.yaml
# `long_tasks_file TASK`: what its first step wrote.
long_tasks_file() { script "curl -sf --unix-socket /run/agent-system/api.sock http://localhost/api/tasks/$1/files/begun.txt"; }
in_hand() {
  script "agent-system task show $1 --json | grep -q '\"status\":\"running\"'" && [ "$(long_tasks_file "$1")" = 'the first time' ]
}

# `begin_long_task TASK PROMPT`: it has its first step done and is in its second, a model's answer that takes an hour.
begin_long_task() {
  cat >"$machine$answers_file" <<SCRIPT
rules:
  - when: {prompt: $2, turn: 1}
    reply: {tool_calls: [{name: file.write, arguments: {path: begun.txt, text: the first time}}]}
  - when: {prompt: $2}
    reply: {delay: 1h, text: done}
SCRIPT
  script "cp -p /etc/agent-system/providers.yaml /root/ && sed -i 's/^    # script:/    script:/' /etc/agent-system/providers.yaml"
  inside systemctl restart agent-system || fail "it starts with scripted answers"
  wait_for "it serves with scripted answers" 10 serving
  inside agent-system run --detach --agent coder "$2" >/dev/null
  wait_for "a task is in the middle of its work" 10 in_hand "$1"
}

# From its next start on the service has a fast model, and a first step done again would show.
quicken_long_task() {
  grep -q 'delay: 1h' "$machine$answers_file" || fail "the answer still takes an hour"
  sed -i 's/the first time/the second time/; s/delay: 1h, //' "$machine$answers_file"
}

# `finished_long_task TASK`: and scripted answers are no more.
finished_long_task() {
  wait_for "what was in hand is finished" 20 completed "$1"
  check "and its first step was not done again" is "$(long_tasks_file "$1")" 'the first time'
  script "rm $answers_file && cp -p /root/providers.yaml /etc/agent-system/"
  inside systemctl restart agent-system || fail "it starts without scripted answers"
  wait_for "it serves without scripted answers" 10 serving
}

# While the machine is down the model becomes a fast one.
show_reboot() {
  begin_long_task task-2 "Outlive the boot"
  halt
  quicken_long_task
  boot
  wait_for "after a reboot it serves by itself" 20 serving
  check "what was finished is still there" completed task-1
  finished_long_task task-2
}

show_kill() {
  local before began
  before=$(pid)
  began=$(milliseconds)
  inside kill -KILL "$before"
  wait_for "after kill -9 it is started anew" 15 anew "$before"
  figure "kill -9 to the next answer" "$(seconds $(($(milliseconds) - began)))"
  check "with every task" completed task-2
}

show_hang() {
  local before began
  before=$(pid)
  began=$(milliseconds)
  inside kill -STOP "$before"
  wait_for "a process that hangs is killed by the watchdog and started anew" 60 anew "$before"
  figure "hang to the next answer" "$(seconds $(($(milliseconds) - began)))"
  check "with the watchdog as the reason" script 'journalctl --unit agent-system | grep -q "Watchdog timeout"'
}

show_reload() {
  local before
  before=$(pid)
  script "cp -p /etc/agent-system/agents.yaml /root/ &&
    sed -i 's/description: reads and changes files.*/description: changed by hand/' /etc/agent-system/agents.yaml"
  check "systemctl reload" inside systemctl reload agent-system
  wait_for "a reload takes the changed file" 10 script 'agent-system agent show coder | grep -q "changed by hand"'
  check "in the same process" is "$(pid)" "$before"
  script "echo 'agentz: {}' >>/etc/agent-system/agents.yaml"
  check "a reload of a wrong file is refused, and says where and why" script '
    ! systemctl reload agent-system 2>/dev/null && journalctl --unit agent-system | grep -q "agents.yaml:.*agentz"'
  check "the process goes on with what it has" script '
    agent-system agent show coder | grep -q "changed by hand" && [ "$(systemctl show -P MainPID agent-system)" = '"$before"' ]'
  script "sed -i '/^agentz/d' /etc/agent-system/agents.yaml"
  show_reload_elsewhere
}

# With a socket of one's own the command line, and with it the reload, follows server.yaml.
show_reload_elsewhere() {
  local own=/run/agent-system/own.sock
  script "cp -p /etc/agent-system/server.yaml /root/ && sed -i 's|^socket: .*|socket: $own|' /etc/agent-system/server.yaml"
  check "until a restart a reload with another socket in server.yaml goes to the old one" inside systemctl reload agent-system
  inside systemctl restart agent-system || fail "it starts with another socket"
  wait_for "it serves with another socket" 10 serving
  check "the command line finds it there" script "[ -S $own ] && ! [ -e /run/agent-system/api.sock ] && agent-system task list"
  check "and so does a reload" inside systemctl reload agent-system
  script "echo 'lisen: 127.0.0.1:8080' >>/etc/agent-system/server.yaml"
  check "which a wrong server.yaml still refuses with its place" script '
    ! systemctl reload agent-system 2>/dev/null && journalctl --unit agent-system | grep -q "server.yaml:.*lisen"'
  script "cp -p /root/server.yaml /etc/agent-system/ && systemctl restart agent-system"
  wait_for "it serves with the socket of before" 10 serving
}

show_bad_configuration() {
  local times
  script "echo 'lisen: 127.0.0.1:8080' >>/etc/agent-system/server.yaml"
  times=$(property NRestarts)
  inside systemctl restart agent-system 2>/dev/null || true
  wait_for "a wrong configuration stops the start" 10 script '[ "$(systemctl show -P ActiveState agent-system)" = failed ]'
  check "with status 78" is "$(property ExecMainStatus)" 78
  # Three times what a restart waits.
  sleep 3
  check "and without a restart loop" script "
    [ \"\$(systemctl show -P ActiveState agent-system)\" = failed ] && [ \"\$(systemctl show -P NRestarts agent-system)\" -le $times ]"
  check "the journal says where, and which key was meant" script '
    journalctl --unit agent-system | grep -q "server.yaml:[0-9]*:.*lisen.*listen"'
  script "sed -i '/^lisen/d' /etc/agent-system/server.yaml"
  check "mended, it starts" inside systemctl start agent-system
  wait_for "and serves" 10 serving
}

# The idle process some seconds after its start, and how long a start takes, from exec to ready.
measure() {
  forget_starts
  inside systemctl restart agent-system
  wait_for "it serves" 10 serving
  sleep 3
  figure "idle memory" "$(script 'awk "/^VmRSS/ { printf \"%.1f MB\", \$2 / 1024 } /^RssAnon/ { printf \" (anonymous %.1f)\", \$2 / 1024 }" \
    /proc/"$(systemctl show -P MainPID agent-system)"/status')"
  figure "start to ready" "$(script 'echo $((($(systemctl show -P ActiveEnterTimestampMonotonic agent-system) -
    $(systemctl show -P ExecMainStartTimestampMonotonic agent-system)) / 1000)) ms')"
}
