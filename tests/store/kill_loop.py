"""Kill an extraction at random moments, many times, and compare the end result with an unbroken run, bit for bit.

    python kill_loop.py CHECKPOINT FOLDER N

Run by test_faults.py in a process of its own: it forks, which is safe only before torch has started threads.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from tiny import make_texts

from featx.features import extraction
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.store.maintenance import verify
from featx.settings import ComputeSettings, Device, FeatureSettings


def main(folder: Path, work: Path, n: int) -> None:
    torch.set_num_threads(1)
    extraction._FIRST_WINDOW = extraction._LARGEST_WINDOW = 10
    texts, _ = make_texts(150)
    settings = FeatureSettings()
    checkpoint = find_checkpoint(str(folder), work)
    # One text a batch: then each vector has one possible value, whatever the windows were.
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU, batch_tokens=1))
    encoder.load()  # here, not in the run whose time says when to kill

    def extract(cache: Path) -> bytes:
        made = extraction.Extractor(encoder, checkpoint, settings, cache)
        made._window_size = 10
        return made.encode(texts).gather().tobytes()

    started = time.perf_counter()
    expected = extract(work / "unbroken")
    unbroken_seconds = time.perf_counter() - started
    rng = random.Random(0)
    kills = finished = rounds = 0
    while kills < n:
        cache = work / f"round-{rounds}"
        rounds += 1
        while kills < n:
            pid = os.fork()
            if pid == 0:
                os._exit(0 if extract(cache) == expected else 3)
            time.sleep(rng.uniform(0, unbroken_seconds / 2))
            os.kill(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status == -signal.SIGKILL:
                kills += 1
                continue
            assert status == 0, "a finished run gave other bits"
            finished += 1
            break
        assert verify(cache) == [], "a kill left a bad shard"
        assert extract(cache) == expected, "after the kills the result has other bits"
        shutil.rmtree(cache)
    print(f"{kills} kills in {rounds} rounds, {finished} extractions finished in spite of them")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
