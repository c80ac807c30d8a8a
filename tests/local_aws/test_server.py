"""The server listens on loopback only, checks what it is built on, and ends in time."""

from pathlib import Path

from tests.local_aws.support import Server


def test_every_port_is_on_loopback(server: Server) -> None:
    inodes = {
        link.readlink().name.removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{server.pid}/fd").iterdir()
        if str(link.readlink()).startswith("socket:")
    }
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = [line[1] for line in lines if line[3] == "0A" and line[9] in inodes]
    assert listening
    assert {address.split(":")[0] for address in listening} == {"0100007F"}
