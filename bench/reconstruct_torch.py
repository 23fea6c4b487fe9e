"""SparseGPT's update in PyTorch from second moments to weights, for bench/reconstruct.ts, as one would write it
(Frantar & Alistarh, arXiv 2301.00774): the routine that the golden figures come from, each weight with its own inverse.

python reconstruct_torch.py JOB_JSON: each line of standard input either names a layer, whose files it reads, or asks
for one update of all its weights; the answer is a line with seconds.
"""
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from sparsegpt_torch import sparsegpt


def from_moments(W, H, pattern, block, damping):
    W, H = W.clone(), H.clone()
    dead = H.diag() == 0
    H[dead, dead] = 1
    W[:, dead] = 0
    H.diagonal().add_(damping * H.diag().mean())
    U = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(H)), upper=True)
    return sparsegpt(W, U, pattern, block)


job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
torch.set_grad_enabled(False)
folder = Path(job["folder"])
moments, weights = None, []
for text in sys.stdin:
    question = json.loads(text)
    begin = time.perf_counter()
    if "channels" in question:
        d = question["channels"]
        read = lambda name: torch.from_numpy(np.fromfile(folder / name, dtype=np.float32).reshape(-1, d))
        moments, weights = read("moments"), [read(f"weight{k}") for k in range(question["weights"])]
    else:
        for weight in weights:
            from_moments(weight, moments, job["pattern"], job["blockSize"], job["damping"])
    print(time.perf_counter() - begin, flush=True)
