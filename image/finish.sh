#!/bin/sh
# What the final stage does with its base image: finish.sh PREFIX STATE
#
# Takes pip and what could install it again from the interpreter under PREFIX; makes STATE for the user who runs the
# program (65532). Run by the Dockerfile and, without an engine, by `make image-steps`.
set -eu
prefix=$1
state=$2

rm -rf "$prefix"/bin/pip* "$prefix"/bin/idle* "$prefix"/bin/2to3* "$prefix"/bin/pydoc*
for lib in "$prefix"/lib/python3.*; do
    rm -rf "$lib/ensurepip" "$lib/idlelib" "$lib/lib2to3" "$lib/test" "$lib/tkinter" "$lib/turtledemo"
    rm -rf "$lib/site-packages"/*
done
install -d -o 65532 -g 65532 -m 0700 "$state"
