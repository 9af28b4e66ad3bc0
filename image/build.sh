#!/bin/sh
# Build the program into an environment of its own: build.sh SOURCE DESTINATION
#
# PYTHON is the interpreter that will run it; VERSION and COMMIT become the package's version, which the program,
# its metrics and its traces tell. The Dockerfile runs this, and so does `make image-steps`, without an engine.
set -eu
source=$1
destination=$2
python=${PYTHON:-python3}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in pyproject.toml README.md LICENSE notify_grpc generated; do
    cp -R "$source/$name" "$work/"
done
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$work/pyproject.toml" | head -n 1)}
sed -i "s/^version = \".*\"/version = \"$version${COMMIT:++g$COMMIT}\"/" "$work/pyproject.toml"

# Without pip: the interpreter's own installs, and stays behind in the build stage.
"$python" -m venv --without-pip "$destination"
"$python" -m pip --python "$destination/bin/python" install --quiet --no-cache-dir --disable-pip-version-check \
    --use-pep517 --root-user-action=ignore --constraint "$source/constraints.txt" "$work[entdb]"
