"""Making the binaries, with a stand-in for Go that writes what it is asked to build."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from local.lock import shared_cache
from local.tools import build, controllers, node_tools
from tests.local_kubernetes.support import eventually

BUILT = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]

# Args: build -v -trimpath -ldflags FLAGS -o TARGET PACKAGE
GO = """#!/bin/sh
if [ "$1" = env ]; then echo {version}; exit 0; fi
case "$8" in *{fails}) echo "$8: no luck" >&2; exit 1;; esac
echo "$8" >&2
printf '%s' "$5" > "$7"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that programs are found in before the machine's."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return folder


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _go(path: Path, *, version: str = "go1.26.0", fails: str = "/nothing") -> None:
    _script(path / "go", GO.format(version=version, fails=fails))


def test_everything_is_made_once(path: Path, tmp_path: Path) -> None:
    _go(path)
    said: list[str] = []
    folder = build.ensure(tmp_path / "cache", said.append)
    assert all(f"{name}: built in 0 s" in said for name in BUILT)
    assert "gitVersion=v1.35." in (folder / "kube-apiserver").read_text()
    assert os.access(folder / "kubectl", os.X_OK)
    assert os.access(folder / "helm", os.X_OK)
    said.clear()
    assert build.ensure(tmp_path / "cache", said.append) == folder
    assert said == []


def test_what_was_built_before_a_failure_stays(path: Path, tmp_path: Path) -> None:
    _go(path, fails="kube-scheduler")
    with pytest.raises(build.BuildError, match=r"kube-scheduler can't be built .* no luck"):
        build.ensure(tmp_path / "cache", lambda _: None)
    _go(path)
    said: list[str] = []
    build.ensure(tmp_path / "cache", said.append)
    assert [line for line in said if "built in" in line] == [
        "kube-scheduler: built in 0 s",
        "kwok: built in 0 s",
    ]


def test_go_that_is_missing_or_too_old_is_one_sentence(path: Path, tmp_path: Path) -> None:
    with pytest.raises(
        build.BuildError, match=r"^Go 1\.26\.0 or newer is needed .*: install it\.$"
    ):
        build.ensure(tmp_path / "cache", lambda _: None)
    _go(path, version="go1.22.1")
    with pytest.raises(build.BuildError, match=r"but this machine has 1\.22\.1: install a newer"):
        build.ensure(tmp_path / "cache", lambda _: None)


def test_the_users_own_binaries_serve_if_their_version_does(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _go(path)
    assets = tmp_path / "assets"
    assets.mkdir()
    _script(assets / "kube-apiserver", "#!/bin/sh\necho Kubernetes v1.35.0\n")
    _script(assets / "etcd", "#!/bin/sh\necho etcd Version: 3.4.0\n")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    folder = build.ensure(tmp_path / "cache", lambda _: None)
    assert (folder / "kube-apiserver").resolve() == assets / "kube-apiserver"
    assert not (folder / "etcd").is_symlink()


def test_a_second_build_waits_for_the_first(path: Path, tmp_path: Path) -> None:
    _go(path)
    cache = tmp_path / "cache"
    folder = cache / f"tools-{build.key()}"
    said: list[str] = []
    with shared_cache(folder, said.append):
        second = threading.Thread(target=build.ensure, args=(cache, said.append))
        second.start()
        eventually("the second says that it waits", lambda: said)
        assert said == [f"another command is filling {folder}: waiting for it to end"]
        assert not (folder / "etcd").exists()
    second.join(timeout=20)
    assert (folder / "kwok").exists()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The source of a controller, as the module's folder in Go's cache would be."""
    folder = tmp_path / "module"
    (folder / "pkg" / "config").mkdir(parents=True)
    (folder / "helm" / controllers.NAME).mkdir(parents=True)
    (folder / "helm" / controllers.NAME / "Chart.yaml").write_text("version: 3.3.0\n")
    (folder / "version.txt").write_text("3.3.0\n")
    (folder / "go.mod").write_text("go 1.26.0\n")
    listener = folder / "pkg" / "config" / "runtime_config.go"
    listener.write_text("server(webhook.Options{\n\t\t\tPort: port})")
    monkeypatch.setattr(controllers, "_module", lambda _: folder)
    return folder


def test_the_controller_is_made_with_its_chart(path: Path, tmp_path: Path, module: Path) -> None:
    _go(path)
    folder = controllers.ensure(tmp_path / "cache", lambda _: None)
    assert "GitVersion=v3.3.0" in (folder / controllers.NAME).read_text()
    assert (folder / controllers.CHARTS / controllers.NAME / "Chart.yaml").exists()
    assert not (folder / ".source").exists()


def test_a_controller_that_would_listen_everywhere_is_not_made(
    path: Path, tmp_path: Path, module: Path
) -> None:
    _go(path)
    (module / "pkg" / "config" / "runtime_config.go").write_text("server(port)")
    with pytest.raises(build.BuildError, match="doesn't open its webhooks' port as expected"):
        controllers.ensure(tmp_path / "cache", lambda _: None)


def test_a_node_is_of_its_control_plane_s_release() -> None:
    plane = {binary.name: binary.linker_flags for binary in build.binaries()}
    node = {binary.name: binary.linker_flags for binary in node_tools.binaries()}
    assert node["kubelet"] == node["kube-proxy"] == plane["kube-apiserver"]


def test_a_node_s_tools_are_built_once_and_change_nobody_else_s(path: Path, tmp_path: Path) -> None:
    _go(path)
    said: list[str] = []
    folder = node_tools.ensure(tmp_path, said.append)
    assert {one.name for one in folder.iterdir()} == {"kubelet", "kube-proxy", "pause"}
    before = len(said)
    assert node_tools.ensure(tmp_path, said.append) == folder
    assert len(said) == before
    assert node_tools.key() != build.key()
