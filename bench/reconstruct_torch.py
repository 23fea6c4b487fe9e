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


def sparsegpt(W, H, pattern, block, damping):
    W, H, d = W.clone(), H.clone(), W.shape[1]
    dead = H.diag() == 0
    H[dead, dead] = 1
    W[:, dead] = 0
    H.diagonal().add_(damping * H.diag().mean())
    U = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(H)), upper=True)
    for start in range(0, d, block):
        end = min(d, start + block)
        B, u = W[:, start:end].clone(), U[start:end, start:end]
        errors = torch.zeros_like(B)
        if pattern["kind"] == "n:m":
            prune = torch.zeros_like(B, dtype=torch.bool)
        else:
            cost = B**2 / u.diag() ** 2
            prune = cost <= cost.flatten().kthvalue(int(cost.numel() * pattern["sparsity"])).values
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
            sparsegpt(weight, moments, job["pattern"], job["blockSize"], job["damping"])
    print(time.perf_counter() - begin, flush=True)
