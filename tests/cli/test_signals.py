"""SIGTERM is 143 and SIGINT 130, whenever they come: sent at many moments of a command's start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Prints when the handler is there: what comes before is Python's own start.
CODE = """
import os, sys
from featx.cli import stopping
real = stopping.listen
def listen():
    real()
    os.write(2, b"listening\\n")
stopping.listen = listen
from featx.cli import main
main(sys.argv[1:])
"""


def stopped(signum: int, delay: float, *arguments: object) -> tuple[int, str]:
    """Exit code and last line of a command that is sent a signal some seconds after it began."""
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stderr.readline() == "listening\n"
    time.sleep(delay)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


MOMENTS = [k * 0.1 for k in range(60)] if os.environ.get("FEATX_SOAK") else [0.0, 0.3, 1.5]


@pytest.mark.parametrize("delay", MOMENTS)
@pytest.mark.parametrize(
    ("signum", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_at_any_moment_of_the_start(
    signum: int, code: int, word: str, delay: float, tiny: Path, tmp_path: Path
) -> None:
    data = tmp_path / "many.csv"
    data.write_text("text,label\n" + "".join(f"good day number {k},{'ab'[k % 2]}\n" for k in range(20_000)))
    got, err = stopped(
        signum,
        delay,
        "extract",
        "--dataset",
        data,
        "--checkpoint",
        tiny,
        "--cache-dir",
        tmp_path / "c",
        "--batch-tokens",
        16,
    )
    assert got == code, err
    assert err.strip().splitlines()[-1].startswith(f"featx: {word}"), err
    assert "Traceback" not in err


def test_no_except_exception_holds_a_signal_up() -> None:
    code = (
        "import os, signal\nfrom featx.cli import main\nimport featx.experiment.doctor as doctor\n"
        "def examine(*a):\n    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n    except Exception:\n        pass\n"
        "    raise SystemExit('went on')\n"
        "doctor.examine = examine\nmain(['doctor'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert (done.returncode, done.stderr.count("\n")) == (143, 1), done.stderr


def test_a_forked_child_ends_by_the_signal_itself() -> None:
    code = (
        "import os, signal\nfrom featx.cli import stopping\nstopping.listen()\nchild = os.fork()\n"
        "if not child:\n    os.kill(os.getpid(), signal.SIGTERM)\n    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout == "-15\n", done.stderr
