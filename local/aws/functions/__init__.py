"""Lambda: functions run as processes that see their own environment, their layers and no more."""

from local.aws.functions import configuration, process
from local.aws.settings import Settings


def install(settings: Settings) -> None:
    process.install(settings)
    configuration.install()
