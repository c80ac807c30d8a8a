"""CodePipeline: pipelines are kept and their runs recorded; who runs them is told by `runner`."""

from local.aws.codepipeline import api, permissions, pipelines


def install() -> None:
    pipelines.install()
    api.install()
    permissions.install()
