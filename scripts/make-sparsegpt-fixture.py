"""Makes test/fixtures/sparsegpt.json: a small weight pruned by a plain PyTorch SparseGPT, to be met by ours.

    env/bin/pip install torch==2.13.0
    env/bin/python scripts/make-sparsegpt-fixture.py

Nothing of our TypeScript is in it. Weights and activations are small whole numbers, so that both sides start from
the same bits. Formula: Frantar & Alistarh, arXiv 2301.00774; float32, damping 1% of the mean diagonal.
"""

import json
from pathlib import Path

import torch

OUT, IN, TOKENS, BLOCK, DEAD = 8, 72, 96, 16, 5


def sparsegpt(W, H, pattern=None, mask=None, grid=None, block=BLOCK, damping=0.01):
    """Updated weight and what stays of it. `pattern` is a share, a share by row, or (N kept, M); else `mask` is given."""
    W, H, d = W.clone(), H.clone(), W.shape[1]
    dead = torch.diag(H) == 0
    H[dead, dead] = 1
    W[:, dead] = 0
    H += damping * H.diag().mean() * torch.eye(d)
    U = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(H)), upper=True)
    kept = torch.ones_like(W, dtype=torch.bool) if mask is None else mask.clone()
    for start in range(0, d, block):
        end = min(d, start + block)
        B, u = W[:, start:end].clone(), U[start:end, start:end]
        keep, errors = kept[:, start:end], torch.zeros_like(B)
        if isinstance(pattern, float):
            cost = B**2 / u.diag() ** 2
            keep &= cost > cost.flatten().kthvalue(int(cost.numel() * pattern)).values
        for c in range(end - start):
            if isinstance(pattern, tuple) and c % pattern[1] == 0:
                n, m = pattern
                cost = B[:, c : c + m] ** 2 / u.diag()[c : c + m] ** 2
                keep.scatter_(1, c + cost.topk(m - n, 1, largest=False).indices, False)
            q = B[:, c].clone() if grid is None else (B[:, c] / grid).round().clamp(-8, 7) * grid
            q[~keep[:, c]] = 0
            errors[:, c] = (B[:, c] - q) / u[c, c]
            B[:, c:] -= errors[:, c : c + 1] * u[c, c:][None]
            B[:, c] = q
        W[:, start:end] = B
        W[:, end:] -= errors @ U[start:end, end:]
    return W, kept


torch.manual_seed(1)
weight = torch.randint(-127, 128, (OUT, IN))
# Few directions, so that channels go together and later ones can make up for earlier ones.
activations = torch.randint(-2, 3, (TOKENS, 12)) @ torch.randint(-3, 4, (12, IN)) + torch.randint(-6, 7, (TOKENS, IN))
activations[:, DEAD] = 0
W, X = weight.float() / 64, activations.float() / 8
H = X.T @ X
ones = torch.rand(W.shape) < 0.4

cases = []
for name, arguments in {
    "50%": {"pattern": 0.5},
    "75%": {"pattern": 0.75},
    "2:4": {"pattern": (2, 4)},
    "3:8": {"pattern": (3, 8)},
    "given": {"mask": ones},
    "given, on a grid": {"mask": ones, "grid": 0.25},
}.items():
    values, kept = sparsegpt(W, H, **arguments)
    cases.append(
        {
            "name": name,
            "kept": ["".join("01"[int(k)] for k in row) for row in kept],
            "values": [[float(f"{v:.7g}") for v in row] for row in values.tolist()],
        }
    )

path = Path(__file__).resolve().parent.parent / "test/fixtures/sparsegpt.json"
fixture = {"out": OUT, "in": IN, "tokens": TOKENS, "blockSize": BLOCK, "weight": weight.tolist(), "activations": activations.tolist(), "cases": cases}
lines = json.dumps(fixture).replace("], [", "],\n[").replace('"cases"', '\n"cases"')
path.write_text(lines + "\n")
