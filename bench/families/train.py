"""Trains small language models of several families on one text, and writes them as transformers.js loads them.

python train.py FAMILY --kit austen-1.4m --books Rdata.rdb --out austen-FAMILY [--steps 650] [--seed 0]
The models share tokenizer and text and are of about one size; only the architecture differs, so that a coefficient
that is good for one of them can be tried on the others. README.md says where the inputs come from.
"""
import argparse
import gzip
import math
import re
import shutil
import struct
import time
import zlib
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, CONFIG_MAPPING, PreTrainedTokenizerFast

# Persuasion is not among them: perplexity is measured on it.
BOOKS = ["emma", "mansfieldpark", "northangerabbey", "prideprejudice", "sensesensibility"]
BATCH, LENGTH = 24, 160  # windows a step, tokens a window
PEAK_RATE, WARMUP = 3e-3, 40  # AdamW; warm-up in steps
EVAL_LENGTH, EVAL_WINDOWS = 256, 64

COMMON = dict(vocab_size=2048, max_position_embeddings=512, bos_token_id=0, eos_token_id=0, pad_token_id=0,
              num_attention_heads=4, attention_dropout=0.0, tie_word_embeddings=True)
WIDE = dict(hidden_size=128, num_hidden_layers=6)
# Name of a family -> (model type of Transformers, its configuration).
FAMILIES = {
    # Parallel residual, LayerNorm, GELU, rotary positions on a part of each head, one packed q,k,v matrix.
    "gpt-neox": ("gpt_neox", dict(**WIDE, intermediate_size=512, rotary_pct=0.25, use_parallel_residual=True)),
    # ReLU, learned positions, biases.
    "opt": ("opt", dict(**WIDE, ffn_dim=512, word_embed_proj_dim=128, dropout=0.0)),
    # Gated SiLU, RMSNorm, also on queries and keys; two key-value heads for four query heads.
    "qwen3": ("qwen3", dict(**WIDE, intermediate_size=384, head_dim=32, num_key_value_heads=2)),
    # Llama again, wider and shallower than austen-1.4m.
    "llama-wide": ("llama", dict(hidden_size=192, num_hidden_layers=4, intermediate_size=512, head_dim=48,
                                 num_key_value_heads=2)),
}


def read_books(rdb):
    """Books of R's package janeaustenr as {name: lines}, from its lazy-load database (Rdata.rdb, Rdata.rdx).

    The index holds the names, and for each the offset and length of a zlib block behind four bytes of size.
    A block is R's serialization, XDR version 3, of one vector of strings (R Internals, section 1.8).
    """
    index = gzip.decompress(rdb.with_suffix(".rdx").read_bytes())
    names = re.findall(rb"\0\x04\0\x09\0\0\0.([a-z]+)", index, re.S)
    places = re.findall(rb"\0\0\0\x0d\0\0\0\x02(.{8})", index, re.S)
    database = rdb.read_bytes()
    books = {}
    for name, place in zip([n for n in names if n != b"names"], places):
        offset, length = struct.unpack(">ii", place)
        data = zlib.decompress(database[offset + 4:offset + length])
        at = 18 + struct.unpack_from(">i", data, 14)[0]  # behind the header and the name of the encoding
        kind, count = struct.unpack_from(">ii", data, at)
        if kind & 255 != 16:
            raise ValueError(f"{rdb}: book {name} has R type {kind & 255}; expected 16, a vector of strings")
        at, lines = at + 8, []
        for _ in range(count):
            size = struct.unpack_from(">i", data, at + 4)[0]
            lines.append(data[at + 8:at + 8 + size].decode())
            at += 8 + size
        books[name.decode()] = lines
    return books


def paragraphs(lines):
    """The text with one paragraph a line and without the marks of italics, as in the kit's files."""
    lines = [line.replace("_", "") for line in lines]
    return "\n".join(" ".join(block.split()) for block in re.split(r"\n\s*\n", "\n".join(lines)) if block.strip())


def perplexity(model, ids):
    """Protocol P1: windows from the start of the text that do not overlap; all tokens of a window but the first."""
    model.eval()
    windows = ids[:EVAL_WINDOWS * EVAL_LENGTH].view(EVAL_WINDOWS, EVAL_LENGTH)
    with torch.no_grad():
        loss = sum(F.cross_entropy(model(w[None]).logits[0, :-1], w[1:]).item() for w in windows)
    return math.exp(loss / EVAL_WINDOWS)


def train(model, ids, steps):
    """AdamW with a cosine rate, on windows drawn at random from ids, [tokens]."""
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() == 1]
    groups = [dict(params=decayed, weight_decay=0.1), dict(params=plain, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.95))
    model.train()
    start = time.time()
    for step in range(steps):
        rate = PEAK_RATE * min((step + 1) / WARMUP, 0.05 + 0.475 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        first = torch.randint(len(ids) - LENGTH, (BATCH, 1))
        batch = ids[first + torch.arange(LENGTH + 1)]
        logits = model(batch[:, :-1], use_cache=False).logits
        loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.3f} seconds {time.time() - start:.0f}", flush=True)


def export(model, tokenizer, out):
    """Writes the folder that transformers.js loads: configuration, tokenizer, onnx/model.onnx."""
    from optimum.exporters.onnx import main_export

    source = out / "torch"
    model.save_pretrained(source)
    tokenizer.save_pretrained(source)
    main_export(str(source), output=out, task="text-generation-with-past", opset=18, device="cpu", dtype="fp32")
    (out / "onnx").mkdir(exist_ok=True)
    for file in out.glob("model.onnx*"):
        file.rename(out / "onnx" / file.name)
    shutil.rmtree(source)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--kit", type=Path, required=True, help="folder with tokenizer.json and persuasion.txt")
    parser.add_argument("--books", type=Path, required=True, help="Rdata.rdb of R's package janeaustenr")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=650)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    end = "<|endoftext|>"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(args.kit / "tokenizer.json"), bos_token=end, eos_token=end,
                                        pad_token=end, model_max_length=COMMON["max_position_embeddings"])

    def encode(text):
        return torch.tensor(tokenizer.backend_tokenizer.encode(text).ids)

    books = read_books(args.books)
    ids = encode("\n".join(paragraphs(books[name]) for name in BOOKS))
    held_out = encode((args.kit / "persuasion.txt").read_text("utf-8"))

    torch.manual_seed(args.seed)
    model_type, shape = FAMILIES[args.family]
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[model_type](**{**COMMON, **shape}))
    print(f"{args.family}: {model.num_parameters()} parameters, {len(ids)} tokens of text", flush=True)
    train(model, ids, args.steps)
    print(f"perplexity on persuasion.txt (P1): {perplexity(model, held_out):.2f}", flush=True)
    export(model, tokenizer, args.out)


if __name__ == "__main__":
    main()
