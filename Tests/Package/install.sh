# Installing, and the first use.

show_install() {
  local began took
  began=$(milliseconds)
  install_began=$began
  apt_install /root/new.deb >"$rig/install.log" 2>&1 || { cat "$rig/install.log"; fail "apt installs the package"; }
  took=$(($(milliseconds) - began))
  [ $took -lt 20000 ] || fail "apt installs within 20 s (took $took ms)"
  figure "apt install" "$((took / 1000)).$(printf %03d $((took % 1000))) s"
  ok "apt installs it without a network and without a question, in $took ms"
  wait_for "it serves as soon as it is installed" 10 serving
  check "it is enabled, as agent.service too" script '
    systemctl is-enabled --quiet agent-system && [ "$(systemctl show -P Id agent.service)" = agent-system.service ]'
  check "it runs as its own user" script '[ "$(ps -o user= -p "$(systemctl show -P MainPID agent-system)")" = agent-system ] ||
    [ "$(stat -c %U /proc/"$(systemctl show -P MainPID agent-system)")" = agent-system ]'
  grep -q 'agent-system run' "$rig/install.log" || fail "the first install says where to go"
  ok "the first install says where to go"
}

show_first_task() {
  local output
  check "the manual's diagnose.sh finds nothing wrong" script '
    out=$(/usr/share/agent-system/diagnose.sh) && echo "$out" && [ "$(grep -c " OK" <<<"$out")" = 4 ] && ! grep -q FAIL <<<"$out"'
  check "the manual's health_check.sh passes" script '
    out=$(/usr/share/agent-system/health_check.sh) && echo "$out" && grep -q "3 成功, 0 失败" <<<"$out"'
  output=$(script 'cd /root && echo "The durable queue holds every task." >note.txt &&
    agent-system run --agent writer --file note.txt "Summarise note.txt and write the summary to SUMMARY.md" --json' 2>&1) \
    || { sed 's/^/# /' <<<"$output"; fail "a task runs to its end"; }
  [[ $(tail -n 1 <<<"$output") == *'"status":"completed"'* ]] || { tail -n 1 <<<"$output"; fail "a task runs to its end"; }
  figure "install to first finished task" "$((($(milliseconds) - install_began) / 1000)) s"
  ok "a task runs to its end over the unix socket"
}
