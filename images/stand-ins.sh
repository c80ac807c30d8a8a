#!/bin/bash
# Make stand-ins for the base images of our Dockerfiles from Debian trixie's packages, under their
# real names, so that they can be built, run and probed where no registry is reached.
# Usage: stand-ins.sh FOLDER BUILDAH-ARGUMENTS…     needs root, mmdebstrap and buildah
# Packages come from DEBIAN_MIRROR, or from where apt has this machine's.
set -euo pipefail
folder=$1
shift
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | awk '/\/debian\/$/ && !n++')}
[[ -n $mirror ]] || { echo "apt knows no Debian mirror (after apt-get update); set DEBIAN_MIRROR to one." >&2; exit 1; }
export BUILDAH_ISOLATION=chroot
buildah=(buildah "$@")
# Nothing is pulled, so there is nothing to verify.
echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$folder/policy.json"
policy=(--signature-policy "$folder/policy.json")

bootstrap() { # variant format target packages, and further arguments
    local variant=$1 format=$2 target=$3 packages=$4
    shift 4
    mmdebstrap --quiet --mode=root "--variant=$variant" "--format=$format" "--include=$packages" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" trixie "$target" "deb $mirror trixie main"
}

image() { # name base, a command that fills the container, and arguments of buildah config
    local name=$1 base=$2 fill=$3 container
    shift 3
    container=$("${buildah[@]}" from "${policy[@]}" --pull-never "$base")
    $fill "$container"
    "${buildah[@]}" config "$@" "$container"
    "${buildah[@]}" commit --quiet "${policy[@]}" "$container" "$name" > /dev/null
    "${buildah[@]}" rm "$container" > /dev/null
}

debian() {
    bootstrap minbase tar "$folder/debian.tar" ca-certificates
    "${buildah[@]}" add --quiet "$1" "$folder/debian.tar" / > /dev/null
    rm "$folder/debian.tar"
}
image docker.io/library/debian:trixie-slim scratch debian \
    --env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd bash

# python:3.13-slim-trixie has its Python in /usr/local, and pip that may install anywhere.
python() {
    "${buildah[@]}" run --network=host "$1" -- sh -euc '
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends python3 python3-pip
        for name in python3.13 python3 python; do ln -s /usr/bin/python3.13 "/usr/local/bin/$name"; done
        ln -s /usr/bin/pip3 /usr/local/bin/pip
        rm -rf /usr/lib/python3.13/EXTERNALLY-MANAGED /var/lib/apt/lists/* /var/cache/apt/*' > /dev/null
}
image docker.io/library/python:3.13-slim-trixie docker.io/library/debian:trixie-slim python \
    --env LANG=C.UTF-8 --cmd python3

# distroless is files out of packages: nothing was configured, there is no shell and no dpkg. So one
# for another architecture can be made as well.
distroless() {
    local full=$folder/full root=$folder/distroless
    rm -rf "$full" "$root"
    bootstrap extract directory "$full" \
        base-files,netbase,tzdata,ca-certificates,libc6,libgcc-s1,libstdc++6,libssl3t64,python3.13,libuuid1 \
        "--architectures=$architecture"
    mkdir -p "$root"/{etc/ssl/certs,tmp,proc,sys,dev,run,home/nonroot}
    (
        cd "$full"
        shopt -s nullglob
        # amd64 has its dynamic loader in lib64, arm64 in lib.
        tar -c --exclude='*/perl*' --exclude='*/gconv' --exclude=__pycache__ \
            bin lib lib6[4] usr/bin/python3.13 usr/lib/python3.13 usr/lib/*-linux-gnu usr/lib/ld-* \
            usr/lib6[4] usr/share/zoneinfo usr/lib/os-release etc/os-release
    ) | tar -C "$root" -x
    cat "$full"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
    ln -s python3.13 "$root/usr/bin/python3"
    ln -s python3.13 "$root/usr/bin/python"
    chmod 1777 "$root/tmp"
    chown 65532:65532 "$root/home/nonroot"
    printf '%s:/sbin/nologin\n' root:x:0:0:root:/root nonroot:x:65532:65532:nonroot:/home/nonroot \
        > "$root/etc/passwd"
    printf '%s\n' root:x:0: nonroot:x:65532: > "$root/etc/group"
    "${buildah[@]}" add --quiet "$1" "$root" / > /dev/null
    rm -rf "$full" "$root"
}
for architecture in arm64 amd64; do
    name=gcr.io/distroless/python3-debian13:nonroot
    # One name is one image here; the other one is handed over as BASE.
    [[ $architecture = "$(dpkg --print-architecture)" ]] || name=$name-$architecture
    image "$name" scratch distroless --os linux --arch "$architecture" \
        --env PATH=/usr/bin:/bin --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        --env LANG=C.UTF-8 --entrypoint '["/usr/bin/python3.13"]' --user 65532 \
        --workingdir /home/nonroot
done
