# Folders of workspace_roots, with the drop-in that the package brings as an example.

show_folders() {
  forget_starts
  local run='agent-system run --json --agent writer "Summarise note.txt and write the summary to SUMMARY.md" --folder'
  script 'for folder in /srv/projects/one /home/member/projects/one; do
      install -d -o agent-system "$folder" && echo "The durable queue holds every task." >"$folder/note.txt"
    done
    chmod 0700 /home/member
    sed -i "s|^workspace_roots: .*|workspace_roots: [/srv/projects, /home/member/projects]|" /etc/agent-system/server.yaml'
  inside systemctl restart agent-system || fail "it starts with folders of workspace_roots"
  wait_for "it serves with folders of workspace_roots" 10 serving
  check "without a drop-in a folder is not written, and the error names what is missing" script "
    out=\$($run /srv/projects/one 2>&1); [ \$? != 0 ] && ! [ -e /srv/projects/one/SUMMARY.md ] && echo \"\$out\" &&
    grep -q folder_not_writable <<<\"\$out\" && grep -q ReadWritePaths <<<\"\$out\""
  script 'mkdir -p /etc/systemd/system/agent-system.service.d && cd /etc/systemd/system/agent-system.service.d &&
    sed -E -e "s,^#(ProtectHome|BindPaths),\1," -e "s|/home/me/|/home/member/|" \
      /usr/share/doc/agent-system/examples/workspace-roots.conf >workspace-roots.conf && systemctl daemon-reload'
  inside systemctl restart agent-system || fail "it starts with the drop-in"
  wait_for "it serves with the example's drop-in" 10 serving
  check "and writes a folder of workspace_roots" script "$run /srv/projects/one && [ -s /srv/projects/one/SUMMARY.md ]"
  check "and one below a closed home" script "$run /home/member/projects/one && [ -s /home/member/projects/one/SUMMARY.md ]"
  check "for others to read" script 'runuser -u member -- cat /srv/projects/one/SUMMARY.md'
  script 'rm -r /etc/systemd/system/agent-system.service.d && systemctl daemon-reload &&
    sed -i "s|^workspace_roots: .*|workspace_roots: []|" /etc/agent-system/server.yaml && systemctl restart agent-system'
  wait_for "it serves without them" 10 serving
}
