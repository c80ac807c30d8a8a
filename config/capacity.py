"""Whether the nodes of a cluster hold its pods: a roll-out that they don't would wait forever."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Room:
    """Pod places, CPU and memory: what nodes give and what pods ask for."""

    pods: int = 0
    cpu_millis: int = 0
    memory_mib: int = 0

    def __add__(self, other: "Room") -> "Room":
        return Room(
            pods=self.pods + other.pods,
            cpu_millis=self.cpu_millis + other.cpu_millis,
            memory_mib=self.memory_mib + other.memory_mib,
        )

    def __sub__(self, other: "Room") -> "Room":
        return self + other * -1

    def __mul__(self, times: int) -> "Room":
        return Room(
            pods=self.pods * times,
            cpu_millis=self.cpu_millis * times,
            memory_mib=self.memory_mib * times,
        )

    def lacks(self, needed: "Room") -> list[str]:
        """Say of what there is too little, such as "pod places: 8 of 21"."""
        return [
            f"{name}: {have} of {want}"
            for name, have, want in (
                ("pod places", self.pods, needed.pods),
                ("CPU (m)", self.cpu_millis, needed.cpu_millis),
                ("memory (Mi)", self.memory_mib, needed.memory_mib),
            )
            if have < want
        ]


NOTHING = Room()


def smallest(*rooms: Room) -> Room:
    """Return what each of these has at the least."""
    return Room(
        pods=min(room.pods for room in rooms),
        cpu_millis=min(room.cpu_millis for room in rooms),
        memory_mib=min(room.memory_mib for room in rooms),
    )
