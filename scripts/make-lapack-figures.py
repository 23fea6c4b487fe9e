"""Makes test/fixtures/lapack.json: what LAPACK, by way of numpy, finds in matrices that tests build from formulas.

    python3 -m venv env
    env/bin/pip install numpy==2.4.6
    env/bin/python scripts/make-lapack-figures.py

The formulas are those of `FORMULAS` in test/linalg/lapack.ts. Of each matrix: its eigenvalues, ascending; the diagonal
of its Cholesky factor; the diagonal of its inverse.
"""

import json
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "test/fixtures/lapack.json"

FORMULAS = {
    # Condition about 1e5 at 5.
    "hilbert": lambda i, j: 1 / (i + j + 1),
    # Condition about 1e4 at 64; no two eigenvalues are close.
    "lehmer": lambda i, j: (np.minimum(i, j) + 1) / (np.maximum(i, j) + 1),
    # Condition about 1e11: most eigenvalues lie at 1e-10, closer to each other than rounding.
    "gaussian": lambda i, j: np.exp(-(((i - j) / 16) ** 2)) + 1e-10 * (i == j),
}
SIZES = {"hilbert": 5, "lehmer": 64, "gaussian": 130}


def figures(formula: str) -> dict:
    size = SIZES[formula]
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    a = FORMULAS[formula](i, j).astype(np.float64)
    return {
        "formula": formula,
        "size": size,
        "eigenvalues": np.linalg.eigvalsh(a).tolist(),
        "factorDiagonal": np.diag(np.linalg.cholesky(a)).tolist(),
        "inverseDiagonal": np.diag(np.linalg.inv(a)).tolist(),
    }


TARGET.write_text(json.dumps([figures(formula) for formula in FORMULAS]) + "\n")
