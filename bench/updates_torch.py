"""SparseGPT's update in PyTorch, for bench/updates.ts, as one would write it (Frantar & Alistarh, arXiv 2301.00774).

python updates_torch.py JOB_JSON: reads the weight and the factor of the inverse, prints median seconds, writes the result.
"""
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from sparsegpt_torch import sparsegpt

job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
folder = Path(job["folder"])
read = lambda name, rows: torch.from_numpy(np.fromfile(folder / name, dtype=np.float32).reshape(rows, job["in"]))
W, U = read("values", job["out"]), read("upper", job["in"])
seconds = []
for _ in range(job["repetitions"] + 1):
    start = time.perf_counter()
    result = sparsegpt(W, U, job["pattern"], job["blockSize"])
    seconds.append(time.perf_counter() - start)
result.numpy().tofile(folder / "updated")
print(statistics.median(seconds[1:]))
