#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch.sh DIRECTORY: puts Concurrency Kit and Lua for 64-bit Arm below
# DIRECTORY/root, from where the packages of this machine come from.
#
# They are unpacked, not installed: the two architectures of Concurrency Kit
# cannot be installed together, and the machine's own would be removed. For
# the same reason apt gets a state of its own, which knows nothing of what is
# installed here and takes aarch64 for the machine's architecture.
set -eu

directory=${1:?usage: fetch.sh DIRECTORY}
packages="libck-dev libck0 liblua5.4-dev liblua5.4-0 lua5.4 \
libreadline8 libtinfo6"

[ ! -e "$directory/root/complete" ] || exit 0

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "This needs apt-get and dpkg-deb. Or unpack the files of these" >&2
  echo "packages for aarch64 below $directory/root by hand, and create" >&2
  echo "the file $directory/root/complete: $packages" >&2
  exit 1
fi

rm -rf "$directory/root" "$directory/apt"
mkdir -p "$directory/root" "$directory/apt/lists/partial" \
  "$directory/apt/archives/partial" "$directory/apt/packages"
directory=$(cd "$directory" && pwd)

apt() {
  apt-get -qq \
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
    -o APT::Sandbox::User=root \
    -o Dir::State="$directory/apt" -o Dir::State::status=/dev/null \
    -o Dir::Cache="$directory/apt" "$@" </dev/null
}

apt update
# shellcheck disable=SC2086
(cd "$directory/apt/packages" && apt download $packages)
for package in "$directory"/apt/packages/*.deb; do
  dpkg-deb -x "$package" "$directory/root"
done
rm -r "$directory/apt"
: >"$directory/root/complete"
