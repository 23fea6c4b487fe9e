"""Builds models for `npm run bench -- models`, in the layout that transformers.js loads.

    python build.py OUT                         # all of them, in all dtypes
    python build.py OUT llama whisper --dtypes fp32,q8

Random models are made by `transformers` and exported by optimum (random_models.py); real ones come out of packages
(packaged_models.py). Files of other dtypes are converted from float32 (dtypes.py).
"""

import argparse
import json
import logging
import os
import shutil
import tempfile
import traceback
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
# The tracer tells of every branch, the quantiser of every node.
warnings.filterwarnings("ignore")
logging.disable(logging.INFO)

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from optimum.exporters.onnx import main_export  # noqa: E402

import packaged_models  # noqa: E402
import random_models  # noqa: E402
import split_models  # noqa: E402
from dtypes import SUFFIX, convert  # noqa: E402

# Models that are no plain export.
OTHERS = {**split_models.MODELS, **packaged_models.MODELS}

# What a merged decoder makes superfluous.
UNMERGED = {"decoder_model.onnx", "decoder_with_past_model.onnx"}


def export(made, out: Path) -> None:
    """Saves a model of PyTorch, exports it by optimum and keeps the files that transformers.js reads."""
    with tempfile.TemporaryDirectory() as folder:
        saved, exported = Path(folder, "saved"), Path(folder, "exported")
        if made.generation is not None:
            made.model.generation_config.update(**made.generation)
        made.model.save_pretrained(saved)
        for processor in made.processors:
            processor.save_pretrained(saved)
        main_export(str(saved), exported, task=made.task, opset=18, do_validation=False, **made.shapes)
        (out / "onnx").mkdir(parents=True)
        for file in sorted(exported.glob("*.onnx")):
            if file.name not in UNMERGED or not (exported / "decoder_model_merged.onnx").exists():
                shutil.copyfile(file, out / "onnx" / file.name)
        # Processors as they were saved; configs as the exporter corrected them.
        for source in (saved, exported):
            for file in sorted(source.glob("*.json")):
                content = json.loads(file.read_text())
                content.pop("_name_or_path", None)
                (out / file.name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def build(name: str, out: Path, dtypes: list[str]) -> None:
    """One model; what is already there is kept."""
    if not (out / "onnx").exists():
        shutil.rmtree(out, ignore_errors=True)
        draft = out.with_name(f".{out.name}")
        shutil.rmtree(draft, ignore_errors=True)
        if name in random_models.MODELS:
            made = random_models.make(name)
            export(made, draft)
        else:
            OTHERS[name](draft, export)
        draft.rename(out)
    converted = tuple(suffix for suffix in SUFFIX.values() if suffix)
    for file in sorted((out / "onnx").glob("*.onnx")):
        for dtype in [] if file.stem.endswith(converted) else dtypes:
            target = file.with_stem(f"{file.stem}{SUFFIX[dtype]}")
            if target.exists():
                continue
            try:
                onnx.save(convert(onnx.load(file), dtype), target)
                onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
            except Exception as error:
                target.unlink(missing_ok=True)
                print(f"{name}: {file.name} cannot be made {dtype}: {error!r}")
    sizes = sum(file.stat().st_size for file in (out / "onnx").iterdir())
    print(f"{name}: {sizes / 1e6:.1f} MB", flush=True)


def main() -> None:
    names = [*random_models.MODELS, *OTHERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(names))
    parser.add_argument("--dtypes", default="fp32,fp16,q8,q4")
    args = parser.parse_args()
    failed = []
    for name in args.models or names:
        try:
            build(name, args.out / name, args.dtypes.split(","))
        except Exception:
            traceback.print_exc()
            failed.append(name)
    if failed:
        raise SystemExit(f"could not be built: {', '.join(failed)}")


if __name__ == "__main__":
    main()
