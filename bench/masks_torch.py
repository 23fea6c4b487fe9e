"""Masks in PyTorch, for bench/masks.ts: the formulas in plain float32, as one would write them with PyTorch.

python masks_torch.py LAYOUT_JSON THREADS: loads the weights, then answers each line on standard input
(a JSON object with method, pattern, scope) with one line: seconds, and the mask of one weight.
"""
import base64
import json
import sys
import time

import torch
import torch.nn.functional as F


def score(w, method, norm, crepe):
    """Scores of a weight [out, in]; norm: of its input channels, [in]."""
    a = w.abs()
    if method == "magnitude":
        return a
    if method == "wanda":
        return a * norm
    if method == "ria":
        return (a / a.sum(1, keepdim=True) + a / a.sum(0, keepdim=True)) * norm.sqrt()
    k = crepe["size"]
    window = F.avg_pool2d(a[None, None], k, 1, k // 2, count_include_pad=False)[0, 0]
    relative = crepe["row"] * a / a.mean(1, keepdim=True) + crepe["column"] * a / a.mean(0, keepdim=True)
    return (relative + crepe["window"] * a / window.clamp_min(1e-30)) * norm.pow(crepe["power"])


def keep(scores, pattern):
    out, channels = scores.shape
    if pattern["kind"] == "n:m":
        groups = scores.view(out, channels // pattern["of"], pattern["of"])
        best = groups.topk(pattern["keep"], 2, sorted=False).indices
        return torch.zeros_like(groups, dtype=torch.bool).scatter_(2, best, True).view(out, channels)
    if pattern["scope"] == "row":
        lowest = scores.topk(int(channels * pattern["sparsity"]), 1, largest=False, sorted=False).indices
        return torch.ones_like(scores, dtype=torch.bool).scatter_(1, lowest, False)
    flat = scores.flatten()
    lowest = flat.topk(int(flat.numel() * pattern["sparsity"]), largest=False, sorted=False).indices
    mask = torch.ones_like(flat, dtype=torch.bool)
    mask[lowest] = False
    return mask.view(out, channels)


def main():
    layout = json.load(open(sys.argv[1]))
    torch.set_num_threads(int(sys.argv[2]))
    torch.set_grad_enabled(False)

    data = torch.from_file(layout["path"], size=layout["elements"], dtype=torch.float32)
    weights, norms, at = [], {}, 0
    for out, channels in layout["shapes"]:
        stored = data[at : at + out * channels].view(channels, out)
        weights.append(stored.T.contiguous())  # torch.nn.Linear holds [out, in]
        at += out * channels
    for channels, values in layout["norms"].items():
        norms[int(channels)] = torch.tensor(values, dtype=torch.float32)
    crepe = layout["crepe"]

    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        start = time.perf_counter()
        sample = None
        for index, w in enumerate(weights):
            mask = keep(score(w, job["method"], norms[w.shape[1]], crepe), job["pattern"])
            if index == layout["sample"]:
                sample = mask
        seconds = time.perf_counter() - start
        stored = sample.T.contiguous().flatten().to(torch.uint8).numpy().tobytes()
        print(json.dumps({"seconds": seconds, "mask": base64.b64encode(stored).decode()}), flush=True)


if __name__ == "__main__":
    main()
