"""What Fluent Bit takes for a configuration: options by section and plug-in, each with its type.

Source: the plug-ins' config maps and the engine's properties in the sources of Fluent Bit 4 and 5
(flb_config.c, flb_input.c, flb_filter.c, flb_output.c). Less is here than there is: what we don't
use is unknown, and has to be looked up before it is.
"""

import re
from collections.abc import Iterator, Mapping

import yaml

_BOOL = re.compile(r"on|off|true|false|yes|no", re.IGNORECASE)
_INT = re.compile(r"\d+")
_SIZE = re.compile(r"\d+([kmg]b?)?", re.IGNORECASE)
_TIME = re.compile(r"\d+[smhd]?", re.IGNORECASE)
_PATH = re.compile(r"/\S*")
_TEXT = re.compile(r".+")

_SERVICE = {
    "flush": re.compile(r"\d+(\.\d+)?"),
    "grace": _INT,
    "log_level": re.compile(r"off|error|warn|info|debug|trace"),
    "http_server": _BOOL,
    "http_listen": _TEXT,
    "http_port": _INT,
    "health_check": _BOOL,
    "hc_errors_count": _INT,
    "hc_retry_failure_count": _INT,
    "hc_period": _INT,
    "storage.path": _PATH,
    "storage.sync": re.compile(r"normal|full"),
    "storage.checksum": _BOOL,
    "storage.max_chunks_up": _INT,
    "storage.backlog.mem_limit": _SIZE,
}
_OF_ALL = {"alias": _TEXT, "log_level": _SERVICE["log_level"]}
_MATCHING = {**_OF_ALL, "match": _TEXT, "match_regex": _TEXT}
_PLUGINS: Mapping[str, Mapping[str, Mapping[str, re.Pattern[str]]]] = {
    "inputs": {
        "tail": {
            **_OF_ALL,
            "tag": _TEXT,
            "mem_buf_limit": _SIZE,
            "storage.type": re.compile(r"filesystem|memory|memrb"),
            "path": _PATH,
            "exclude_path": _PATH,
            "multiline.parser": re.compile(r"cri|docker|go|java|python|ruby"),
            "db": _PATH,
            "db.sync": re.compile(r"extra|full|normal|off"),
            "db.locking": _BOOL,
            "read_from_head": _BOOL,
            "skip_long_lines": _BOOL,
            "skip_empty_lines": _BOOL,
            "buffer_chunk_size": _SIZE,
            "buffer_max_size": _SIZE,
            "refresh_interval": _TIME,
            "rotate_wait": _TIME,
        }
    },
    "filters": {
        "kubernetes": {
            **_MATCHING,
            "buffer_size": _SIZE,
            "merge_log": _BOOL,
            "merge_log_key": _TEXT,
            "merge_log_trim": _BOOL,
            "keep_log": _BOOL,
            "labels": _BOOL,
            "annotations": _BOOL,
            "kube_tag_prefix": _TEXT,
            "k8s-logging.parser": _BOOL,
            "k8s-logging.exclude": _BOOL,
            "use_kubelet": _BOOL,
        }
    },
    "outputs": {
        "cloudwatch_logs": {
            **_MATCHING,
            "retry_limit": re.compile(r"no_limits|no_retries|false|off|[1-9]\d*"),
            "storage.total_limit_size": _SIZE,
            "workers": _INT,
            "region": re.compile(r"[a-z]{2}(-[a-z]+)+-\d"),
            "log_group_name": _TEXT,
            "log_stream_name": _TEXT,
            "log_stream_prefix": _TEXT,
            "log_stream_template": re.compile(r"(\$\w+(\['[\w.-]+'\])*[./-]?)+"),
            "log_key": _TEXT,
            "auto_create_group": _BOOL,
            "auto_retry_requests": _BOOL,
            "log_retention_days": _INT,
        }
    },
}


def problems(text: str) -> Iterator[str]:
    """Yield what Fluent Bit would refuse, or worse: take for something else."""
    # It reads every scalar as text, so "on" isn't YAML's true.
    found = yaml.load(text, Loader=yaml.BaseLoader)
    for name in set(found) - {"service", "pipeline"}:
        yield f"{name}: no such section"
    yield from _options("service", found["service"], _SERVICE)
    for section, plugins in found["pipeline"].items():
        known = _PLUGINS.get(section)
        if known is None:
            yield f"pipeline.{section}: no such section"
            continue
        for plugin in plugins:
            options = dict(plugin)
            name = options.pop("name", "")
            if name in known:
                yield from _options(name, options, known[name])
            else:
                yield f"{section}: no plug-in {name!r}"


def _options(
    where: str, given: Mapping[str, str], known: Mapping[str, re.Pattern[str]]
) -> Iterator[str]:
    for option, value in given.items():
        if option not in known:
            yield f"{where}: no option {option!r}"
        elif not known[option].fullmatch(value):
            yield f"{where}: {option} can't be {value!r}"
