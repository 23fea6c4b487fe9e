"""A whole prune in PyTorch, for bench/prune.ts: masks of all linear weights of an ONNX file, zeros, torch.save.

python prune_torch.py LAYOUT_JSON THREADS: loads the weights into memory, then answers each line on standard input
(a JSON object with method, pattern or sparsity and scope) with one line: seconds of the masks, and with zeros and saving.
"""
import json
import sys
import time

import numpy as np
import torch

from masks_torch import keep, score

layout = json.load(open(sys.argv[1]))
torch.set_num_threads(int(sys.argv[2]))
torch.set_grad_enabled(False)

norms = {int(channels): torch.tensor(values, dtype=torch.float32) for channels, values in layout["norms"].items()}
tensors = []
for entry in layout["tensors"]:
    rows, columns = entry["shape"]
    stored = np.fromfile(layout["file"], dtype="<f4", count=rows * columns, offset=entry["offset"])
    value = torch.from_numpy(stored).view(rows, columns)
    tensors.append((value.T.contiguous() if entry["target"] else value, entry["target"]))

print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if "pattern" in job:
        kept, of = map(int, job["pattern"].split(":"))
        pattern = {"kind": "n:m", "keep": kept, "of": of}
    else:
        pattern = {"kind": "unstructured", "sparsity": job["sparsity"], "scope": job["scope"]}
    start = time.perf_counter()
    masks = [keep(score(w, job["method"], norms[w.shape[1]], layout["crepe"]), pattern) if target else None for w, target in tensors]
    masked = time.perf_counter()
    torch.save([w if mask is None else w * mask for (w, _), mask in zip(tensors, masks)], layout["out"])
    print(json.dumps({"masks": masked - start, "phase": time.perf_counter() - start}), flush=True)
