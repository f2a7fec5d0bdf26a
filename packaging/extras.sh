#!/usr/bin/env bash
# Writes the manual pages and shell completions that archives and packages hold: extras.sh PROGRAM FOLDER
#
# The program writes them itself, so they always fit it. PROGRAM has to run on this machine.
set -euo pipefail
[ $# = 2 ] || { echo "extras.sh: wants PROGRAM FOLDER" >&2; exit 2; }
rm -rf "$2/man" "$2/completions"
"$1" package-files "$2"
