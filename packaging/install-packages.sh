#!/bin/sh
# Installs the Debian packages that the given lists name and the machine lacks; does nothing where all are there.
# Services that come with a package (PostgreSQL, Zabbix, FRR) are installed but not started.
set -eu

missing=""
for package in $(sed 's/#.*//' "$@"); do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1; then
  as_root="sudo"
else
  echo "install-packages: these packages are missing and installing them needs root or sudo:$missing" >&2
  exit 1
fi

echo "installing:$missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
  trap '$as_root rm -f "$policy"' EXIT
fi
log=$(mktemp)
if ! { $as_root apt-get update -q &&
       $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  rm -f "$log"
  echo "install-packages: apt-get failed; its last lines are above" >&2
  exit 1
fi
rm -f "$log"
