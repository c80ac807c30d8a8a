"""`python -m service`: read the settings, serve, and say in a sentence what was wrong."""

import os
import sys

import uvloop

from service import log
from service.server import serve
from service.settings import Settings, SettingsError


def main() -> int:
    """Serve until SIGTERM. Returns 0 when it ended as told, 2 when it could not start."""
    try:
        settings = Settings.read(os.environ)
        log.configure(settings.log_level)
        uvloop.run(serve(settings))
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
