#!/bin/sh
# Makes one executable file of the plugin, so that its checksum covers all of
# it. Usage: build.sh FILE
set -eu
file=$(realpath "$1")
cd "$(dirname "$0")"
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
cp firebreak_plugin.py jsonfile.py "$parts"
proto=.
test -e plugin.proto || proto=../../proto # in a clone of firebreak
protoc --proto_path=$proto --python_out="$parts" plugin.proto
/usr/bin/python3 -m zipapp "$parts" --python "/usr/bin/python3 -I" --main jsonfile:main --output "$file"
chmod 755 "$file"
