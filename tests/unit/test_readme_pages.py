"""What the pages tell a reader to open and to type is there: every *.md that git knows."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore
import pytest
from botocore.session import Session

from local.paths import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
FOLDERS = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
# Where a command of a line ends.
_REST = r"((?:[^|;)&\n]|&(?!&))*)"
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")

# Of the AWS CLI alone, which botocore's models don't know.
_OWN = {"eks": {"get-token", "update-kubeconfig"}, "s3": {"cp", "ls", "rb", "rm", "sync"}}
_EVERYWHERE = {"max-items", "no-cli-pager", "output", "profile", "query", "region"}
_BESIDES = {("iam", "create-virtual-mfa-device"): {"bootstrap-method", "outfile"}}


def _known() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


PAGES = _known()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = _FENCE.sub("", (ROOT / page).read_text())
    for target, anchor in re.findall(r"\]\((?!https:)([^)#]*)(?:#([^)]*))?\)", text):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_code_is_there(page: str) -> None:
    for word in re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w)(?![\w*{{<-])", _code(page)):
        if not re.search("/[A-Z]{2,}$", word):  # stands for a name
            assert (ROOT / word).exists() or (ROOT / "constructs" / word).exists(), word


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_a_target_with_its_variables(page: str) -> None:
    for target, rest in re.findall(rf"(?:^|\$\()\s*make ([a-z-]+){_REST}", _code(page), re.M):
        assert target in TARGETS, target
        for variable in re.findall(r"\b([A-Z]+)=", rest):
            assert f"$({variable})" in MAKEFILE, variable


@pytest.mark.parametrize("page", PAGES)
def test_every_module_is_there_and_takes_its_flags(page: str) -> None:
    for module, rest in re.findall(rf"\bpython (?:-O )?-m ([\w.]+){_REST}", _code(page)):
        if module == "pip":
            continue
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
        for flag in set(_OPTION.findall(rest)) - {"help"}:
            assert f"--{flag}" in _help(module), f"{module} --{flag}"


@pytest.mark.parametrize("page", PAGES)
def test_every_aws_command_is_there_and_takes_its_options(page: str) -> None:
    for service, operation, rest in _aws(page):
        if operation in _OWN.get(service, ()):
            continue
        operations = _operations(service.replace("s3api", "s3"))
        assert operation in operations, f"aws {service} {operation}"
        taken = operations[operation] | _EVERYWHERE | _BESIDES.get((service, operation), set())
        for option in _OPTION.findall(rest):
            assert {option, option.removeprefix("no-")} & taken, f"{operation} --{option}"


def test_the_checks_see_what_is_there_to_see() -> None:
    """A pattern that matches nothing would pass for ever."""
    code = "".join(map(_code, PAGES))
    assert len(re.findall(r"^make restore NAMESPACE", code, re.MULTILINE)) > 2
    assert {"delivery.smoke", "delivery.location"} <= set(re.findall(r"python -m ([\w.]+)", code))
    seen = {(service, operation) for page in PAGES for service, operation, _ in _aws(page)}
    assert seen > {("secretsmanager", "put-secret-value"), ("codepipeline", "rollback-stage")}


def _code(page: str) -> str:
    """Return the commands and the spans of a page, each on a line of its own."""
    text = (ROOT / page).read_text()
    blocks = [
        block.replace("\\\n", " ") for kind, block in _FENCE.findall(text) if kind == "console"
    ]
    spans = [" ".join(span.split()) for span in _SPAN.findall(_FENCE.sub("", text))]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return "\n".join([*lines, *spans, ""])


def _aws(page: str) -> Iterator[tuple[str, str, str]]:
    pattern = rf"(?:^|[|(&;] *)aws ([a-z0-9-]+) ([a-z0-9-]+){_REST}"
    yield from re.findall(pattern, _code(page), re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def _help(module: str) -> str:
    """Return what a command says of itself, and each of its subcommands."""
    said = _said(module)
    commands = re.search(r"^  \{([\w,]+)\}", said, re.MULTILINE)
    return said + "".join(
        _said(module, one) for one in (commands[1].split(",") if commands else ())
    )


def _said(module: str, *words: str) -> str:
    command = [sys.executable, "-m", module, *words, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@cache
def _operations(service: str) -> dict[str, set[str]]:
    """Return the options of each operation that AWS has, by the CLI's names."""
    model = Session().get_service_model(service)
    found = {}
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        members = shape.members if shape else ()
        found[botocore.xform_name(name, "-")] = {botocore.xform_name(m, "-") for m in members}
    return found
