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


@torch.no_grad()
def sparsegpt(W, U, pattern, block):
    W, d = W.clone(), W.shape[1]
    for start in range(0, d, block):
        end = min(d, start + block)
        B, u = W[:, start:end].clone(), U[start:end, start:end]
        errors = torch.zeros_like(B)
        if pattern["kind"] == "n:m":
            prune = torch.zeros_like(B, dtype=torch.bool)
        else:
            cost = B**2 / u.diag() ** 2
            if pattern["scope"] == "matrix":
                prune = cost <= cost.flatten().kthvalue(int(cost.numel() * pattern["sparsity"])).values
            else:
                prune = cost <= cost.kthvalue(int(cost.shape[1] * pattern["sparsity"]), 1, True).values
        for c in range(end - start):
            if pattern["kind"] == "n:m" and c % pattern["of"] == 0:
                n, m = pattern["keep"], pattern["of"]
                cost = B[:, c : c + m] ** 2 / u.diag()[c : c + m] ** 2
                prune.scatter_(1, c + cost.topk(m - n, 1, largest=False).indices, True)
            q = B[:, c].clone()
            q[prune[:, c]] = 0
            e = (B[:, c] - q) / u[c, c]
            B[:, c:] -= e[:, None] * u[c, c:][None]
            B[:, c] = q
            errors[:, c] = e
        W[:, start:end] = B
        W[:, end:] -= errors @ U[start:end, end:]
    return W


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
