from config.environments import TABLE
from tests.snapshot.snapshots import FOLDER, render
from tests.synthesis import Synthesis

RENEW = "renew with 'make snapshots' and review with git diff"


def test_templates_and_manifests_are_as_they_were_reviewed(synthesis: Synthesis) -> None:
    rendered = dict(render(synthesis))
    kept = {
        str(f.relative_to(FOLDER)): f.read_text()
        for environment in TABLE.environments
        for f in (FOLDER / environment.name).iterdir()
    }
    assert sorted(rendered) == sorted(kept), RENEW
    changed = [name for name, text in rendered.items() if kept[name] != text]
    assert not changed, RENEW


def test_every_environment_has_snapshots(synthesis: Synthesis) -> None:
    kept = {folder.name for folder in FOLDER.iterdir()}
    # Those of the pipeline's account are looked at by the pipeline's own tests.
    assert kept == {*synthesis.environments, TABLE.tooling.name}
    assert len(dict(render(synthesis))) == len(synthesis.environments) * 10
