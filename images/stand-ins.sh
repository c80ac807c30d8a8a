#!/bin/bash
# Make stand-ins for the base images of ../Dockerfile from Debian trixie's packages, under their real
# names, so that it can be built, run and probed where no registry is reached.
# Usage: stand-ins.sh FOLDER BUILDAH-ARGUMENTS…     needs root, mmdebstrap and buildah
set -euo pipefail
folder=$1
shift
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

bootstrap() { # variant format target packages, and further arguments
    local variant=$1 format=$2 target=$3 packages=$4
    shift 4
    mmdebstrap --quiet --mode=root "--variant=$variant" "--format=$format" "--include=$packages" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" trixie "$target" "deb $mirror trixie main"
}

image() { # name root-filesystem, and arguments of buildah config
    local name=$1 filesystem=$2 container
    shift 2
    container=$("${buildah[@]}" from --signature-policy "$folder/policy.json" scratch)
    "${buildah[@]}" add --quiet "$container" "$filesystem" / > /dev/null
    "${buildah[@]}" config "$@" "$container"
    "${buildah[@]}" commit --quiet --signature-policy "$folder/policy.json" "$container" "$name" > /dev/null
    "${buildah[@]}" rm "$container" > /dev/null
}
buildah=(buildah "$@")
# Nothing is pulled, so there is nothing to verify.
echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$folder/policy.json"

# python:3.13-slim-trixie has its Python in /usr/local, and pip that may install anywhere.
bootstrap minbase tar "$folder/slim.tar" python3,python3-pip,ca-certificates \
    --customize-hook='for name in python3.13 python3 python; do ln -s /usr/bin/python3.13 "$1/usr/local/bin/$name"; done' \
    --customize-hook='ln -s /usr/bin/pip3 "$1/usr/local/bin/pip"; rm "$1/usr/lib/python3.13/EXTERNALLY-MANAGED"'
image docker.io/library/python:3.13-slim-trixie "$folder/slim.tar" \
    --env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 --cmd python3

# distroless is files out of packages: nothing was configured, there is no shell and no dpkg.
bootstrap extract directory "$folder/full" \
    base-files,netbase,tzdata,ca-certificates,libc6,libgcc-s1,libstdc++6,libssl3t64,python3.13,libuuid1
root=$folder/distroless
mkdir -p "$root"/{etc/ssl/certs,tmp,proc,sys,dev,run,home/nonroot}
tar -C "$folder/full" -c --exclude='*/perl*' --exclude='*/gconv' --exclude=__pycache__ \
    ./bin ./lib ./lib64 ./usr/bin/python3.13 ./usr/lib/python3.13 ./usr/lib/x86_64-linux-gnu \
    ./usr/lib64 ./usr/share/zoneinfo ./usr/lib/os-release ./etc/os-release | tar -C "$root" -x
cat "$folder"/full/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
ln -s python3.13 "$root/usr/bin/python3"
ln -s python3.13 "$root/usr/bin/python"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/home/nonroot"
printf '%s:/sbin/nologin\n' root:x:0:0:root:/root nonroot:x:65532:65532:nonroot:/home/nonroot \
    > "$root/etc/passwd"
printf '%s\n' root:x:0: nonroot:x:65532: > "$root/etc/group"
tar -C "$root" -cf "$folder/distroless.tar" .
image gcr.io/distroless/python3-debian13:nonroot "$folder/distroless.tar" \
    --env PATH=/usr/bin:/bin --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    --env LANG=C.UTF-8 --entrypoint '["/usr/bin/python3.13"]' --user 65532 \
    --workingdir /home/nonroot
rm -rf "$folder/full" "$root"
