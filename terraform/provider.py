"""Where Terraform gets its provider from: the registry, or a mirror that the machine carries."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

HOST = "registry.terraform.io"
PROVIDER = f"{HOST}/hashicorp/aws"

_CONVENTIONAL = (
    # Those that Terraform looks at by itself ("Implied Local Mirror Directories") on Linux, macOS.
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "~/Library/Application Support/io.terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/Library/Application Support/io.terraform/plugins",
)


def mirror(environment: Mapping[str, str]) -> Path | None:
    """Return a folder that holds the provider, TF_PLUGIN_MIRROR first; None when there is none."""
    return next((path for path in _places(environment) if (path / PROVIDER).is_dir()), None)


def configured(environment: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """Return the environment for Terraform, with a CLI configuration for the mirror in `folder`.

    Somebody's own CLI configuration is left to say where providers come from.
    """
    own = environment.get("TF_CLI_CONFIG_FILE")
    if own and Path(own).is_file():
        return environment
    clean = {key: value for key, value in environment.items() if key != "TF_CLI_CONFIG_FILE"}
    found = mirror(environment)
    if found is None:
        return clean
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "terraform.rc"
    file.write_text(
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path = "{found}"\n    include = ["{HOST}/*/*"]\n  }}\n'
        f'  direct {{\n    exclude = ["{HOST}/*/*"]\n  }}\n'
        "}\n"
    )
    return {**clean, "TF_CLI_CONFIG_FILE": str(file)}


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    if own := environment.get("TF_PLUGIN_MIRROR"):
        yield Path(own)
    if data := environment.get("XDG_DATA_HOME"):
        yield Path(data) / "terraform" / "plugins"
    yield from (Path(place).expanduser() for place in _CONVENTIONAL)
    # Where images of build machines keep what doesn't belong to a distribution.
    yield from sorted(path for path in Path("/opt").glob("*") if os.access(path, os.R_OK))
