"""The log agent's own configuration: from the containers' files to CloudWatch Logs."""

CHUNK_MIB = 2
"""What Fluent Bit gathers before it sends, at the most; its own constant."""

_TEMPLATE = """\
service:
  flush: 5
  log_level: warn
  http_server: on
  http_listen: 0.0.0.0
  http_port: {port}
  health_check: on
  storage.path: {buffer}/chunks
  storage.max_chunks_up: {chunks}
  storage.backlog.mem_limit: {chunk_mib}M
pipeline:
  inputs:
    - name: tail
      tag: kube.*
      path: {logs}/*.log
      # What it says of its own troubles would make more of them.
      exclude_path: {logs}/*_{namespace}_*.log
      multiline.parser: cri
      db: {buffer}/positions.db
      read_from_head: on
      skip_long_lines: on
      refresh_interval: 10
      rotate_wait: 30
      storage.type: filesystem
  filters:
    - name: kubernetes
      match: kube.*
      merge_log: on
      merge_log_key: message
      keep_log: off
      annotations: off
  outputs:
    - name: cloudwatch_logs
      match: kube.*
      region: {region}
      log_group_name: {log_group}
      log_stream_prefix: unnamed-
      log_stream_template: $kubernetes['namespace_name'].$kubernetes['pod_name']
      auto_create_group: off
      # What can't be sent waits, until the buffer is full and the oldest goes.
      retry_limit: no_limits
      storage.total_limit_size: {buffer_mib}M
"""


def fluent_bit_config(
    *,
    region: str,
    log_group: str,
    namespace: str,
    logs: str,
    buffer: str,
    port: int,
    memory_mib: int,
    buffer_mib: int,
) -> str:
    """Return Fluent Bit's YAML; a quarter of the memory is for chunks, the rest to work with them.

    `logs` is the folder of the containers' files, `buffer` that of what waits; metrics and health
    are on `port`.
    """
    return _TEMPLATE.format(
        region=region,
        log_group=log_group,
        namespace=namespace,
        logs=logs,
        buffer=buffer,
        port=port,
        chunks=max(memory_mib // 4 // CHUNK_MIB, 1),
        chunk_mib=CHUNK_MIB,
        buffer_mib=buffer_mib,
    )
