"""The environments on one machine: tools, up, down, status, diff, env, kubeconfig, token."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from config.errors import without_traceback
from config.people import PLATFORM_ADMIN, ROLES

if __name__ == "__main__":
    sys.excepthook = without_traceback

from local import access, up
from local.emulator import Emulator
from local.errors import LocalError
from local.isolation import LOOPBACK, isolated
from local.lock import exclusive
from local.paths import State, default_state
from local.progress import Progress
from local.status import status
from local.target import Target, environments


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 when it did what it was asked, 1 with a sentence when not."""
    given = _parser().parse_args(arguments)
    state = State(given.state.resolve())
    clean = isolated(os.environ)
    os.environ.clear()
    os.environ.update(clean)
    try:
        _run(given, state)
    except (LocalError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"error: The AWS stand-in doesn't do its part: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: {error.cmd[0]} failed: {(error.stderr or '').strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: 'make up' goes on from here, 'make down' removes it", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


def _run(given: argparse.Namespace, state: State) -> None:
    progress = Progress()
    match given.command:
        case "tools":
            up.tools(progress)
        case "up":
            with exclusive(state.lock, "make up"):
                up.up(
                    state,
                    given.env,
                    progress,
                    app=given.app,
                    port=given.port,
                    charts=given.charts,
                )
            print("\n".join(status(state)))
            print(f"\n{up.ENDING}")
        case "down":
            with exclusive(state.lock, "make down"):
                up.down(state, progress)
        case "diff":
            with exclusive(state.lock, "make diff"):
                print(up.diff(state, given.env, progress, app=given.app))
        case "status":
            print("\n".join(status(state)))
        case "env":
            for key, value in _target(state, given.env).variables.items():
                print(f"export {key}={value}")
            print("unset AWS_PROFILE AWS_SESSION_TOKEN")
            print(f'export NO_PROXY="${{NO_PROXY:+$NO_PROXY,}}{LOOPBACK}"')
        case "kubeconfig":
            print(access.kubeconfig(state, _target(state, given.env), given.role))
        case "run":
            target = _target(state, given.env)
            variables = access.environment(state, target)
            sys.exit(subprocess.call(given.words, env=variables))
        case "token":
            target = _target(state, given.env)
            print(json.dumps(access.token(state, target, given.cluster, given.role)))


def _target(state: State, name: str) -> Target:
    chosen = environments(name)
    if len(chosen) != 1:
        raise LocalError("This is about one environment: ENV must not be 'all'.")
    return Target(environment=chosen[0], endpoint=Emulator(state).endpoint)


def _port(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; it must be 1024 to 65535")
    return number


def _folder(text: str) -> Path:
    folder = Path(text).resolve()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is no folder")
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    folder = default_state().folder
    parser.add_argument("--state", type=Path, default=folder, help=f"default: {folder.name}")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        if name not in ("down", "status", "tools"):
            added.add_argument("--env", default="dev", help="dev, stage, prod or all")
        if name in ("up", "diff"):
            added.add_argument("--app", help="another app than cdk.json's, as a command")
        return added

    command("tools", "make what up starts, where this machine lacks it")
    added = command("up", "stand up an environment, or change what stands")
    added.add_argument("--port", type=_port, help="of the AWS stand-in; default: a free one")
    added.add_argument("--charts", type=_folder, help="folder of Helm charts to install for real")
    command("down", "remove everything that up started and wrote")
    command("status", "say what stands, where, and how much memory it takes")
    command("diff", "show what up would change")
    command("env", "print export lines for any AWS client")
    added = command("kubeconfig", "print the path of a kubeconfig with an IAM token")
    roles = ", ".join(role.name for role in ROLES if role.trusts == "people")
    added.add_argument("--role", default=PLATFORM_ADMIN.name, help=f"who to log in as: {roles}")
    added = command("run", "run a command with AWS and kubectl set up for an environment")
    added.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    added = command("token", "print an ExecCredential for kubectl")
    added.add_argument("--cluster", required=True)
    added.add_argument("--role", required=True, help="ARN of the IAM role to log in as")
    return parser


if __name__ == "__main__":
    sys.exit(main())
