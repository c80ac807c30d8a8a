"""Render all charts of production, and print the CPU seconds that it took after the imports."""

import gc

if __name__ == "__main__":
    gc.disable()

import psutil

from benchmarks.production import objects


def _cpu() -> float:
    """CPU seconds of this process and of jsii's."""
    process = psutil.Process()
    every = (process, *process.children(recursive=True))
    return sum(sum(one.cpu_times()[:2]) for one in every)


if __name__ == "__main__":
    before = _cpu()
    count = len(objects())
    print(f"{_cpu() - before:.3f} {count}")
