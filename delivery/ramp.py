"""How a load grows: from one user to all, then all for a while."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """Users over time, each with as many requests a second.

    It climbs slowly enough to see who follows, and holds long enough for an autoscaler: that looks
    every 15 s at an average of about a minute, and its pods have to start.
    """

    users: int = 100
    rate: float = 10.0
    ramp_seconds: float = 120.0
    hold_seconds: float = 240.0

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Ramp":
        """Return the ramp that `variables` told of."""
        given = {one.name: float(environment[f"LOAD_{one.name.upper()}"]) for one in fields(cls)}
        return cls(**{**given, "users": int(given["users"])})  # type: ignore[arg-type] # one is whole

    def variables(self) -> dict[str, str]:
        """Return the environment that tells another process of it."""
        return {f"LOAD_{one.name.upper()}": str(getattr(self, one.name)) for one in fields(self)}

    def users_at(self, second: float) -> int:
        """Return how many users there are; none at the end."""
        if second >= self.seconds:
            return 0
        return max(1, min(self.users, math.ceil(self.users * second / self.ramp_seconds)))

    @property
    def seconds(self) -> float:
        return self.ramp_seconds + self.hold_seconds

    @property
    def requests(self) -> float:
        """How many requests it asks for."""
        return self.users * self.rate * (self.ramp_seconds / 2 + self.hold_seconds)
