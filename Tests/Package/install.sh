# Installing, and the first use.

show_install() {
  local began took
  began=$(milliseconds)
  apt_install /root/new.deb >"$rig/install.log" 2>&1 || { cat "$rig/install.log"; fail "apt installs the package"; }
  took=$(($(milliseconds) - began))
  [ $took -lt 20000 ] || fail "apt installs within 20 s (took $took ms)"
  ok "apt installs it without a network and without a question, in $took ms"
  wait_for "it serves as soon as it is installed" 10 serving
  show_first_task
  figure "apt install" "$(seconds $took)"
  figure "install to first finished task" "$(seconds $(($(milliseconds) - began)))"
  check "the environment's file is the group's" environment_is_the_groups
  check "it is enabled, as agent.service too" script '
    systemctl is-enabled --quiet agent-system && [ "$(systemctl show -P Id agent.service)" = agent-system.service ]'
  check "it runs as its own user" script '[ "$(stat -c %U /proc/"$(systemctl show -P MainPID agent-system)")" = agent-system ]'
  check "keys lie in locked memory, and nothing of it in a core dump" script '
    pid=$(systemctl show -P MainPID agent-system) && awk "/^VmLck/ { exit !(\$2 > 0) }" "/proc/$pid/status" &&
    grep -q "Max core file size  *0  *0" "/proc/$pid/limits" && ! journalctl --unit agent-system | grep memory_not_locked'
  check "and nothing else that runs as its user reads its memory" script '
    pid=$(systemctl show -P MainPID agent-system) && [ "$(stat -c %U "/proc/$pid/mem")" = root ] &&
    ! runuser -u agent-system -- cat "/proc/$pid/environ" 2>/dev/null'
  check "the first install says where to go, and no secret" script "
    $(declare -f says_where_to_go)
    says_where_to_go <<'TEXT'
$(cat "$rig/install.log")
TEXT"
}

says_where_to_go() {
  local text
  text=$(cat)
  grep -q 'agent-system run' <<<"$text" && grep -q 'key recovery new' <<<"$text" &&
    ! grep -qF -f /etc/agent-system/credentials/master.key <<<"$text"
}

show_first_task() {
  local output
  output=$(script 'cd /root && echo "The durable queue holds every task." >note.txt && agent-system run --json \
    --agent writer --file note.txt "Summarise note.txt and write the summary to SUMMARY.md"' 2>&1) \
    || { sed 's/^/# /' <<<"$output"; fail "a task runs to its end"; }
  output=$(tail -n 1 <<<"$output")
  [[ $output == *'"status":"completed"'* && $output == *SUMMARY.md* ]] || fail "a task runs to its end: $output"
  ok "a task runs to its end over the unix socket, and leaves its file"
}

show_scripts() {
  check "the manual's diagnose.sh, byte for byte, finds nothing wrong" script '
    out=$(/usr/share/agent-system/diagnose.sh) && echo "$out" && [ "$(grep -c " OK" <<<"$out")" = 4 ] &&
    ! grep -q FAIL <<<"$out"'
  check "the manual's health_check.sh passes" script '
    out=$(/usr/share/agent-system/health_check.sh) && echo "$out" && grep -q "3 成功, 0 失败" <<<"$out"'
  check "both are the manual's" bash -c "cd Tests/EndToEndTests/Manual &&
    cmp diagnose.sh '$PWD/$machine/usr/share/agent-system/diagnose.sh' &&
    cmp health_check.sh '$PWD/$machine/usr/share/agent-system/health_check.sh'"
  check "the manual page and the completions are there" script '
    cd /usr/share && ls man/man1/agent-system.1.gz bash-completion/completions/agent-system \
      zsh/vendor-completions/_agent-system fish/vendor_completions.d/agent-system.fish &&
    bash -n bash-completion/completions/agent-system'
}

# What curl says of a path, as the user named.
code() { script "runuser -u $1 -- curl -s -o /dev/null -w '%{http_code}' ${*:2}"; }
is() { [ "$1" = "$2" ] || { echo "$1, and not $2"; return 1; }; }

show_door() {
  local socket="--unix-socket /run/agent-system/api.sock" api=http://localhost:8080
  script 'useradd --create-home stranger && useradd --create-home --groups agent-system member'
  check "loopback reads health" is "$(code stranger $api/health)" 200
  check "loopback reads the agents' status" is "$(code stranger $api/api/agents/status)" 200
  check "loopback reads no task" is "$(code stranger $api/api/tasks)" 401
  check "loopback behind a proxy reads no status" \
    is "$(code stranger -H "'X-Forwarded-For: 192.0.2.1'" $api/api/agents/status)" 401
  check "a stranger on this machine does not reach the socket" is "$(code stranger "$socket" $api/api/tasks || true)" 000
  check "a member of the group does" is "$(code member "$socket" $api/api/tasks)" 200
  check "root does" is "$(code root "$socket" $api/api/tasks)" 200
  check "the service's own user does" is "$(code agent-system "$socket" $api/api/tasks)" 200
  check "a stranger's command line is told the group" script '
    out=$(runuser -u stranger -- agent-system task list 2>&1); [ $? = 77 ] && grep -q "the group" <<<"$out"'
  check "nobody but root reads the master key's file" script '
    [ "$(stat -c "%U %a" /etc/agent-system/credentials)" = "root 700" ] &&
    [ "$(stat -c "%U %a %s" /etc/agent-system/credentials/master.key)" = "root 400 45" ] &&
    ! runuser -u agent-system -- cat /etc/agent-system/credentials/master.key 2>/dev/null'
  check "others read neither the data, the log nor the environment's file" script '
    for file in /var/lib/agent-system/agent.db /var/log/agent/app.log /etc/agent-system/agent-system.env; do
      [ -s "$file" ] && ! runuser -u stranger -- cat "$file" 2>/dev/null || { echo "$file"; exit 1; }
    done
    for folder in /var/lib/agent-system /var/log/agent; do
      ! runuser -u stranger -- ls "$folder" 2>/dev/null || { echo "$folder"; exit 1; }
    done'
  check "a member of the group reads the log" script 'runuser -u member -- grep -q task-1 /var/log/agent/app.log'
}
