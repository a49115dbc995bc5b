"""Memory and disk that a run takes. Imports nothing of featx; torch is asked only where a GPU was used."""

from __future__ import annotations

import sys
from hashlib import file_digest, sha256
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak_memory(device: str = "cpu") -> None:
    """Let the high-water mark begin anew, where the system can; elsewhere it stays that of the whole process."""
    if device.startswith("cuda") and "torch" in sys.modules:
        sys.modules["torch"].cuda.reset_peak_memory_stats()
        return
    try:
        _CLEAR.write_text("5")  # proc(5): resets VmHWM to what is resident now
    except OSError:
        return


def peak_memory_bytes(device: str = "cpu") -> int | None:
    """Return the highest memory since `reset_peak_memory` in bytes: torch's on a GPU, else resident in this process.

    None where the system does not tell.
    """
    if device.startswith("cuda") and "torch" in sys.modules:
        return int(sys.modules["torch"].cuda.max_memory_allocated())
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _peak_of_process()


def _peak_of_process() -> int | None:
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """Return the sha256 over the names and contents of all files in `folder`, as 64 hexadecimal digits."""
    total = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode())
    return total.hexdigest()


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in `folder`, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
