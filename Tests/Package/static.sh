# What can be said of the package and its unit without running them: figures, each with its bound.

show_static() {
  local changes=${package/%.deb/.changes} unit=packaging/systemd/agent-system.service score found
  check "dpkg names only the libraries that a Debian 12 has" is \
    "$(dpkg-deb --field "$package" Depends | tr ',' '\n' | sed -E 's/^ *//; s/ .*//' | sort | tr '\n' ' ')" \
    "ca-certificates libc6 libcurl4 libgcc-s1 libsodium23 libsqlite3-0 libstdc++6 systemd "
  check "with the versions that it was built against" depends_on "libc6 (>= 2.35)" "libstdc++6 (>= 12)"
  check "and recommends what the manual's two scripts call" is "$(dpkg-deb --field "$package" Recommends)" "curl, procps"
  if [ -z "$(git tag --points-at HEAD --list 'v*')" ]; then
    check "its version names a commit" grep -E '~git[0-9]+\.[0-9a-f]{9}' <<<"$(dpkg-deb --field "$package" Version)"
  fi
  [ "$(stat -c %s "$package")" -lt 25000000 ] || fail "the package is under 25 MB"
  ok "the package is under 25 MB"
  found=$(lintian --allow-root --fail-on error,warning --display-info --pedantic "$changes" 2>&1) \
    || { grep -E '^[EW]:' <<<"$found" | sed 's/^/# /'; fail "lintian has no error and no warning"; }
  ok "lintian has no error and no warning"
  figure "lintian" "0 errors, 0 warnings, $(grep -c '^agent-system:' packaging/debian/agent-system.lintian-overrides) overrides"
  score=$(systemd-analyze security --offline=true --threshold=15 --no-pager "$unit") \
    || fail "systemd-analyze security is at most 1.5: $(tail -n 1 <<<"$score")"
  score=$(grep -oE 'level for .*: [0-9.]+' <<<"$score" | grep -oE '[0-9.]+$')
  figure "systemd-analyze security" "$score"
  ok "systemd-analyze security gives $score, at most 1.5"
  found=$(systemd-analyze --root="$machine" verify --man=no agent-system.service 2>&1) && [ -z "$found" ] \
    || fail "systemd-analyze verify finds nothing: $found"
  figure "systemd-analyze verify" "0 findings"
  ok "systemd-analyze verify finds nothing"
  check "the program is stripped" is "$(readelf --sections --wide "$machine/usr/bin/agent-system" | grep -cE 'symtab|debug_info')" 0
  check "its symbols are beside it, in a package of their own" is \
    "$(dpkg-deb --contents "${package/agent-system_/agent-system-dbgsym_}" | grep -c '\.debug$')" 1
}

# Whether Depends has each of the clauses given, word for word.
depends_on() {
  local clause
  for clause in "$@"; do
    dpkg-deb --field "$package" Depends | tr ',' '\n' | sed 's/^ *//' | grep -qxF "$clause" || { echo "no $clause"; return 1; }
  done
}
