"""PostgreSQL's programs, beside what feeds or reads them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from delivery.postgres import PostgresError, programs


@contextmanager
def piped(
    program: str, *arguments: str, password: str | None = None, reads: bool = False
) -> Iterator["subprocess.Popen[bytes]"]:
    """Lend a program with a pipe from its output or, if it `reads`, to its input.

    At the end it is waited for, and PostgresError has its words where it failed; also where its
    pipe broke, of which it knows why.
    """
    given = {"PGPASSWORD": password} if password else {}
    with programs() as folder, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(folder / program), *arguments],
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
            stderr=said,
            env={"PATH": os.defpath, "LC_ALL": "C", **given},
        )
        try:
            yield process
            if process.stdin:
                process.stdin.close()
        except BrokenPipeError:
            pass
        except BaseException:
            process.kill()
            raise
        finally:
            if process.stdout:
                process.stdout.close()
            code = process.wait()
        if code:
            said.seek(0)
            raise PostgresError(f"{program} failed: {said.read().decode().strip()}")
