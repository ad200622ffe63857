# How packaging/scripts/deb calls what is released, and what it refuses, in a throw-away copy of this repository.

show_released() {
  local copy=$rig/copy released
  rm -rf "$copy"
  git -c advice.detachedHead=false clone --quiet --shared . "$copy"
  # The script as it is here, not as it was committed last.
  cp packaging/scripts/deb "$copy/packaging/scripts/deb"
  released=$(dpkg-parsechangelog -l "$copy/packaging/debian/changelog" -S Version)
  printf '#!/bin/sh\necho "agent-system %s"\n' "$released" >"$rig/named"
  chmod +x "$rig/named"
  in_copy() { git -C "$copy" -c user.name=rig -c user.email=rig@localhost "$@" >/dev/null; }
  version_there() { (cd "$copy" && packaging/scripts/deb "$OLDPWD/$rig/named" --version); }

  in_copy commit --quiet --allow-empty --all --message "Released"
  check "a commit without a tag is named by its number" \
    grep -xE "$released~git[0-9]+\.[0-9a-f]{9}" <<<"$(version_there 2>&1)"
  in_copy tag "v$released"
  check "one with the release's tag has the release's version" is "$(version_there 2>&1)" "$released"
  echo "# not committed" >>"$copy/README.md"
  check "but not with changes that are not committed" grep -E "^$released~git.*\.dirty[0-9]+$" <<<"$(version_there 2>&1)"
  in_copy checkout --quiet README.md

  in_copy commit --quiet --allow-empty --message "Work"
  check "work after a release is named by its number" \
    grep -xE "$released~git[0-9]+\.[0-9a-f]{9}" <<<"$(version_there 2>&1)"
  echo "# a new one" >"$copy/etc/new.yaml"
  in_copy add etc
  in_copy commit --quiet --message "Another file"
  check "a new configuration file is no change of a released one" version_there
  echo "# changed" >>"$copy/etc/server.yaml"
  in_copy commit --quiet --all --message "A changed file"
  check "a released configuration file that is changed is refused, by its name" refuses_released etc/server.yaml
  in_copy revert --no-edit HEAD
  in_copy mv etc/server.yaml etc/service.yaml
  in_copy commit --quiet --message "A renamed file"
  check "one that is renamed too" refuses_released etc/server.yaml
  rm -rf "$copy" "$rig/named"
}

refuses_released() {
  local output
  output=$(version_there 2>&1) && { echo "not refused: $output"; return 1; }
  grep -q "no longer as they were: $1" <<<"$output" || { echo "$output"; return 1; }
}
