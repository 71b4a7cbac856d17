#!/bin/sh
# unpack-package.sh PACKAGE FOLDER: downloads a Debian package and unpacks it there, without installing it: for one that
# conflicts with another that is needed. Does nothing where that has been done.
set -eu

package=$1
folder=$2
[ ! -d "$folder" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
chmod 755 "$work"  # apt downloads as a user of its own
download() { (cd "$work" && apt-get download -q "$package") >"$work/log" 2>&1; }
if ! download; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo"
  $as_root apt-get update -q >/dev/null 2>&1 || true
  download || { cat "$work/log" >&2; echo "unpack-package: $package could not be downloaded" >&2; exit 1; }
fi
mkdir -p "$(dirname "$folder")"
rm -rf "$folder.part"
dpkg-deb -x "$work"/*.deb "$folder.part"  # beside it, so that the rename is one step
mv "$folder.part" "$folder"
