#!/usr/bin/env bash
# Packs one release archive: archive.sh BINARY VERSION TARGET EXTRAS OUTPUT
#
# EXTRAS is a folder with man/ and completions/; OUTPUT is the folder that the archive goes to. Prints the archive's path. The same
# input makes the same bytes of a .tar.gz where tar is GNU's.
set -euo pipefail
[ $# = 5 ] || { echo "archive.sh: wants BINARY VERSION TARGET EXTRAS OUTPUT" >&2; exit 2; }
binary=$1 version=$2 target=$3 extras=$4 output=$5
here=$(cd "$(dirname "$0")/.." && pwd)
for needed in "$binary" "$extras/man" "$extras/completions"; do
    [ -e "$needed" ] || { echo "archive.sh: $needed is not there" >&2; exit 1; }
done

name=framescope-v$version-$target
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/$name/docs" "$output"
output=$(cd "$output" && pwd)
cp "$binary" "$folder/$name/"
cp "$here"/LICENSE-* "$here"/README.md "$here"/CHANGELOG.md "$folder/$name/"
cp "$here"/docs/*.md "$folder/$name/docs/"
cp -R "$extras/man" "$extras/completions" "$folder/$name/"

cd "$folder"
if [[ $target == *windows* ]]; then
    archive=$output/$name.zip
    # 7-Zip is on the hosted Windows machines; elsewhere zip is.
    if command -v 7z >/dev/null; then 7z a -bso0 "$archive" "$name"; else zip -qr "$archive" "$name"; fi
else
    archive=$output/$name.tar.gz
    if tar --version | grep -q GNU; then
        tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@"${SOURCE_DATE_EPOCH:-0}" -cf - "$name" | gzip -9n > "$archive"
    else
        tar -cf - "$name" | gzip -9n > "$archive"
    fi
fi
echo "$archive"
