"""SparseGPT's column update in PyTorch, as one would write it (Frantar & Alistarh, arXiv 2301.00774): what bench/updates.ts
and bench/reconstruct.ts compare with."""
import torch


@torch.no_grad()
def sparsegpt(W, U, pattern, block):
    """W [out, in] pruned by `pattern`; U is the upper factor of the inverse second moments, [in, in]."""
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
