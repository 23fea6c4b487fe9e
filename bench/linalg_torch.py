"""What LAPACK, by way of PyTorch, takes for what bench/linalg.ts times: python linalg_torch.py SIZES THREADS

One line of JSON for each size and task: seconds of processor time, the least of some repetitions.
"""
import json
import sys
import time

import torch

REPETITIONS = 9  # at most; fewer where they take seconds


def positive_definite(size, dtype):
    x = torch.rand(size, size, dtype=dtype) - 0.5
    return x @ x.T + 0.01 * size / 12 * torch.eye(size, dtype=dtype)


def inverse_factor(h):
    """As SparseGPT has it."""
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(h))
    return torch.linalg.cholesky(inverse, upper=True)


TASKS = {
    "product f32": (torch.float32, lambda h: h @ h),
    "product f64": (torch.float64, lambda h: h @ h),
    "Cholesky": (torch.float64, torch.linalg.cholesky),
    "inverse factor": (torch.float64, inverse_factor),
    "inverse factor f32": (torch.float32, inverse_factor),
    "inverse": (torch.float64, lambda h: torch.cholesky_inverse(torch.linalg.cholesky(h))),
    "eigenvectors": (torch.float64, torch.linalg.eigh),
}

torch.set_num_threads(int(sys.argv[2]))
for size in map(int, sys.argv[1].split(",")):
    for task, (dtype, run) in TASKS.items():
        h = positive_definite(size, dtype)
        each = []
        while not each or (len(each) < REPETITIONS and sum(each) < 2):
            start = time.process_time()
            run(h)
            each.append(time.process_time() - start)
        print(json.dumps({"task": task, "size": size, "seconds": min(each)}), flush=True)
