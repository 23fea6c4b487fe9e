"""Makes the small random models of test/fixtures: real exports, in the layout of transformers.js.

    python3 -m venv env
    env/bin/pip install torch==2.13.0 optimum-onnx==0.1.0 transformers==4.57.6 onnx onnxruntime pillow \
      accelerate onnxslim==0.1.98 onnx-ir==1.1.0
    env/bin/python scripts/make-fixtures.py

Five models: a T5 (an encoder, and a merged decoder whose two branches lie in an If node), a BERT for
embeddings, a ViT, which reads images, and of bench/models a Whisper of eight bits and a LLaVA of three
files in float16. Their weights are random and their output means nothing;
what counts is the graph, which is exactly what the exporter of optimum writes for the real thing.
The tokenizers are trained here on the text of models/austen-1.4m. The seed is fixed, so a
second run gives the same weights, though not the same bytes: exporter and trainer break ties as they like.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from optimum.exporters.onnx import main_export
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "models/austen-1.4m/calibration.txt"
FIXTURES = ROOT / "test/fixtures"

VOCABULARY = 320
WIDTH = 64

IMAGE_SIZE = 32

SIDE_FILES = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
]


def byte_pair_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces with a space mark and </s> at the end of every text, as T5 has them."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    tokenizer.train([str(TEXT)], trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )


def word_piece_tokenizer() -> PreTrainedTokenizerFast:
    """As BERT has it: lower-cased word pieces between [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train([str(TEXT)], trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names)


def tiny_t5() -> T5ForConditionalGeneration:
    config = T5Config(
        vocab_size=VOCABULARY, d_model=WIDTH, d_kv=16, num_heads=4, d_ff=96, num_layers=2,
        relative_attention_num_buckets=8, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
        architectures=["T5ForConditionalGeneration"],
    )  # fmt: skip
    return T5ForConditionalGeneration(config)


def tiny_bert() -> BertModel:
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_attention_heads=4, num_hidden_layers=2,
        intermediate_size=2 * WIDTH, max_position_embeddings=512, pad_token_id=0, architectures=["BertModel"],
    )  # fmt: skip
    return BertModel(config)


def tiny_vit() -> ViTModel:
    config = ViTConfig(
        hidden_size=WIDTH, num_attention_heads=4, num_hidden_layers=2, intermediate_size=2 * WIDTH,
        image_size=IMAGE_SIZE, patch_size=8, architectures=["ViTModel"],
    )  # fmt: skip
    return ViTModel(config)


def export(name, task, model, processor, onnx_files) -> None:
    """Exports by optimum and keeps the files that transformers.js reads."""
    target = FIXTURES / name
    with tempfile.TemporaryDirectory() as folder:
        saved, exported = Path(folder, "saved"), Path(folder, "exported")
        model.eval().save_pretrained(saved)
        processor.save_pretrained(saved)
        main_export(str(saved), exported, task=task, opset=18, do_validation=False)
        shutil.rmtree(target, ignore_errors=True)
        (target / "onnx").mkdir(parents=True)
        for file in SIDE_FILES:
            if (exported / file).exists():
                # Written again without the machine's paths.
                content = json.loads((exported / file).read_text())
                content.pop("_name_or_path", None)
                (target / file).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        for file in onnx_files:
            shutil.copyfile(exported / file, target / "onnx" / file)
    list_sizes(target)


def from_bench(name, model, dtype) -> None:
    """Takes a model that bench/models/build.py makes, in one dtype."""
    target = FIXTURES / name
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, ROOT / "bench/models/build.py", folder, model, "--dtypes", f"fp32,{dtype}"]
        subprocess.run(build, check=True)
        shutil.rmtree(target, ignore_errors=True)
        (target / "onnx").mkdir(parents=True)
        for file in [*SIDE_FILES, "processor_config.json"]:
            if (Path(folder, model) / file).exists():
                shutil.copyfile(Path(folder, model) / file, target / file)
        suffix = {"q8": "quantized"}.get(dtype, dtype)
        for file in Path(folder, model, "onnx").glob(f"*_{suffix}.onnx"):
            shutil.copyfile(file, target / "onnx" / file.name)
    list_sizes(target)


def list_sizes(target) -> None:
    for file in sorted(target.rglob("*.*")):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size:,} bytes")


def main() -> None:
    torch.manual_seed(3)
    t5 = ["encoder_model.onnx", "decoder_model_merged.onnx"]
    export("tiny-t5", "text2text-generation-with-past", tiny_t5(), byte_pair_tokenizer(), t5)
    export("tiny-bert", "feature-extraction", tiny_bert(), word_piece_tokenizer(), ["model.onnx"])
    images = ViTImageProcessor(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})
    export("tiny-vit", "feature-extraction", tiny_vit(), images, ["model.onnx"])
    from_bench("tiny-whisper", "whisper", "q8")
    from_bench("tiny-llava", "llava", "fp16")


if __name__ == "__main__":
    main()
