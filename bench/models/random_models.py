"""The table of random models: architectures as `transformers` has them, only small.

A row gives the model, what prepares its inputs, and the task to export it for. Files that the exporter of optimum
does not write are made from what it does write (`split_llava`).
"""

from dataclasses import dataclass, field
from typing import Any, Callable

import torch
import transformers as hf

import small_tokenizers as tokenizers

WIDTH = 64
IMAGE = 32
LAYERS = 2


@dataclass(frozen=True)
class RandomModel:
    """What is saved and exported."""

    model: Any
    # Tokenizers, image processors and feature extractors, each saved beside the model.
    processors: tuple
    # Task in the words of optimum; `-with-past` makes a merged decoder or a decoder with a cache.
    task: str
    # What the generation config must say.
    generation: dict | None = None
    # Sizes of the exporter's dummy inputs, where the model takes no others.
    shapes: dict = field(default_factory=dict)


def causal(kind: str, tokenizer=None, **sizes) -> RandomModel:
    tokenizer = tokenizer or tokenizers.byte_level()
    config = hf.AutoConfig.for_model(
        kind, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, **sizes,
    )  # fmt: skip
    return RandomModel(hf.AutoModelForCausalLM.from_config(config), (tokenizer,), "text-generation-with-past")


DECODER = dict(
    hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
    num_key_value_heads=2, head_dim=WIDTH // 4, max_position_embeddings=512, tie_word_embeddings=False,
)  # fmt: skip
ENCODER = dict(
    hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
    max_position_embeddings=512,
)  # fmt: skip
BART = dict(
    d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=4, decoder_attention_heads=4,
    encoder_ffn_dim=2 * WIDTH, decoder_ffn_dim=2 * WIDTH, max_position_embeddings=512,
)  # fmt: skip
VISION = dict(
    hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4, image_size=IMAGE,
    patch_size=8,
)  # fmt: skip


def gpt2() -> RandomModel:
    return causal("gpt2", n_embd=WIDTH, n_layer=LAYERS, n_head=4, n_positions=512)


def seq2seq(kind: str, **sizes) -> RandomModel:
    tokenizer = tokenizers.pieces()
    start = dict(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, forced_eos_token_id=1)
    config = hf.AutoConfig.for_model(kind, vocab_size=len(tokenizer), **start, **sizes)
    return RandomModel(hf.AutoModelForSeq2SeqLM.from_config(config), (tokenizer,), "text2text-generation-with-past")


def t5() -> RandomModel:
    return seq2seq("t5", d_model=WIDTH, d_kv=16, num_heads=4, d_ff=2 * WIDTH, num_layers=LAYERS)


def encoder(kind: str, task: str, auto, **sizes) -> RandomModel:
    tokenizer = tokenizers.word_pieces()
    config = hf.AutoConfig.for_model(kind, vocab_size=len(tokenizer), pad_token_id=0, **sizes)
    return RandomModel(auto.from_config(config), (tokenizer,), task)


def images(size=IMAGE) -> hf.ViTImageProcessor:
    return hf.ViTImageProcessor(size={"height": size, "width": size})


def vision(kind: str, auto, task="image-classification", processor=None, **sizes) -> RandomModel:
    config = hf.AutoConfig.for_model(kind, **sizes)
    return RandomModel(auto.from_config(config), (processor or images(sizes.get("image_size", 64)),), task)


def resnet() -> RandomModel:
    sizes = dict(embedding_size=16, hidden_sizes=[32, 48, 64, 96], depths=[1, 1, 1, 1], layer_type="bottleneck")
    return vision("resnet", hf.AutoModelForImageClassification, **sizes)


def mobilevit() -> RandomModel:
    sizes = dict(
        image_size=64, hidden_sizes=[32, 48, 64], neck_hidden_sizes=[8, 16, 24, 32, 48, 64, 96],
        num_attention_heads=4, last_conv_filters=96, initializer_range=0.2,
    )  # fmt: skip
    processor = hf.MobileViTImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    return vision("mobilevit", hf.AutoModelForImageClassification, processor=processor, **sizes)


def convnext() -> RandomModel:
    sizes = dict(hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], image_size=64)
    return vision("convnext", hf.AutoModelForImageClassification, **sizes)


def swin() -> RandomModel:
    sizes = dict(image_size=64, embed_dim=16, depths=[1, 1, 2], num_heads=[2, 2, 4], window_size=4)
    return vision("swin", hf.AutoModelForImageClassification, **sizes)


def segformer() -> RandomModel:
    sizes = dict(
        hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 3, 4], decoder_hidden_size=WIDTH,
    )  # fmt: skip
    processor = hf.SegformerImageProcessor(size={"height": 64, "width": 64})
    return vision("segformer", hf.AutoModelForSemanticSegmentation, "image-segmentation", processor, **sizes)


def detr() -> RandomModel:
    backbone = hf.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], out_features=["stage4"],
    )  # fmt: skip
    sizes = dict(
        d_model=WIDTH, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=2 * WIDTH, decoder_ffn_dim=2 * WIDTH,
        encoder_attention_heads=4, decoder_attention_heads=4, num_queries=10, use_timm_backbone=False, backbone=None,
        use_pretrained_backbone=False, backbone_config=backbone,
    )  # fmt: skip
    processor = hf.DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    return vision("detr", hf.AutoModelForObjectDetection, "object-detection", processor, **sizes)


def dpt() -> RandomModel:
    sizes = dict(
        **{**VISION, "num_hidden_layers": 4}, is_hybrid=False, backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[16, 32, 48, 64], fusion_hidden_size=32,
    )  # fmt: skip
    processor = hf.DPTImageProcessor(size={"height": IMAGE, "width": IMAGE})
    return vision("dpt", hf.AutoModelForDepthEstimation, "depth-estimation", processor, **sizes)


def clip_config(tokenizer) -> hf.CLIPConfig:
    text = {**ENCODER, "vocab_size": len(tokenizer), "max_position_embeddings": 32, "eos_token_id": 1, "bos_token_id": 0}
    return hf.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=WIDTH)


def clip_images() -> hf.CLIPImageProcessor:
    return hf.CLIPImageProcessor(size={"shortest_edge": IMAGE}, crop_size={"height": IMAGE, "width": IMAGE})


def clip() -> RandomModel:
    tokenizer = tokenizers.clip()
    model = hf.CLIPModel(clip_config(tokenizer))
    return RandomModel(model, (tokenizer, clip_images()), "zero-shot-image-classification")


def image_captioning() -> RandomModel:
    tokenizer = tokenizers.byte_level()
    ends = dict(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    text = hf.GPT2Config(
        vocab_size=len(tokenizer), n_embd=WIDTH, n_layer=LAYERS, n_head=4, n_positions=512, add_cross_attention=True,
        is_decoder=True, **ends,
    )  # fmt: skip
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(hf.ViTConfig(**VISION), text)
    config.decoder_start_token_id = tokenizer.bos_token_id
    config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    model = hf.VisionEncoderDecoderModel(config)
    start = dict(decoder_start_token_id=tokenizer.bos_token_id, **ends)
    return RandomModel(model, (tokenizer, images()), "image-to-text-with-past", start)


def sam() -> RandomModel:
    vision_config = hf.SamVisionConfig(
        hidden_size=WIDTH, mlp_dim=2 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4, output_channels=32,
        image_size=64, window_size=2, global_attn_indexes=[1], num_pos_feats=16,
    )  # fmt: skip
    mask = dict(hidden_size=32, mlp_dim=64, num_attention_heads=4, iou_head_hidden_dim=32)
    prompt = dict(hidden_size=32, image_size=64, image_embedding_size=4)
    config = hf.SamConfig(vision_config.to_dict(), prompt_encoder_config=prompt, mask_decoder_config=mask)
    size = {"height": 64, "width": 64}
    return RandomModel(hf.SamModel(config), (hf.SamImageProcessor(size={"longest_edge": 64}, pad_size=size),), "feature-extraction")


def wav2vec2() -> RandomModel:
    tokenizer = tokenizers.letters()
    config = hf.Wav2Vec2Config(
        **{k: v for k, v in ENCODER.items() if k != "max_position_embeddings"}, vocab_size=len(tokenizer),
        conv_dim=[32] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, pad_token_id=0,
    )  # fmt: skip
    return RandomModel(
        hf.Wav2Vec2ForCTC(config), (tokenizer, hf.Wav2Vec2FeatureExtractor()), "automatic-speech-recognition"
    )


def spectrogram_transformer() -> RandomModel:
    config = hf.ASTConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4, intermediate_size=2 * WIDTH, max_length=128,
    )  # fmt: skip
    return RandomModel(hf.ASTForAudioClassification(config), (hf.ASTFeatureExtractor(max_length=128),), "audio-classification")


def whisper() -> RandomModel:
    tokenizer = tokenizers.whisper()
    start, end = tokenizer.convert_tokens_to_ids(["<|startoftranscript|>", "<|endoftext|>"])
    english, transcribe, plain = tokenizer.convert_tokens_to_ids(["<|en|>", "<|transcribe|>", "<|notimestamps|>"])
    config = hf.WhisperConfig(
        **{k: v for k, v in BART.items() if k != "max_position_embeddings"}, vocab_size=len(tokenizer),
        num_mel_bins=80, max_source_positions=100, max_target_positions=128, decoder_start_token_id=start,
        bos_token_id=end, eos_token_id=end, pad_token_id=end, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    # Two seconds at a time instead of thirty.
    extractor = hf.WhisperFeatureExtractor(chunk_length=2)
    model = hf.WhisperForConditionalGeneration(config)
    generation = dict(
        decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end, is_multilingual=True,
        lang_to_id={"<|en|>": english}, task_to_id={"transcribe": transcribe}, no_timestamps_token_id=plain,
        max_length=64,
    )  # fmt: skip
    return RandomModel(model, (tokenizer, extractor), "automatic-speech-recognition-with-past", generation, dict(nb_max_frames=200))


MODELS: dict[str, Callable[[], RandomModel]] = {
    "llama": lambda: causal("llama", **DECODER),
    "gpt2": gpt2,
    "qwen3": lambda: causal("qwen3", **DECODER),
    "gemma3": lambda: causal("gemma3_text", **DECODER, sliding_window=64),
    "t5": t5,
    "marian": lambda: seq2seq("marian", **BART),
    "bart": lambda: seq2seq("bart", **BART),
    "bert-fill-mask": lambda: encoder("bert", "fill-mask", hf.AutoModelForMaskedLM, **ENCODER),
    "bert-ner": lambda: encoder("bert", "token-classification", hf.AutoModelForTokenClassification, **ENCODER),
    "bert-qa": lambda: encoder("bert", "question-answering", hf.AutoModelForQuestionAnswering, **ENCODER),
    "distilbert": lambda: encoder(
        "distilbert", "text-classification", hf.AutoModelForSequenceClassification, dim=WIDTH, hidden_dim=2 * WIDTH,
        n_layers=LAYERS, n_heads=4,
    ),
    "modernbert": lambda: encoder("modernbert", "fill-mask", hf.AutoModelForMaskedLM, **ENCODER),
    "vit": lambda: vision("vit", hf.AutoModelForImageClassification, **VISION),
    "dinov2": lambda: vision("dinov2", hf.AutoModel, "feature-extraction", images(), **{**VISION, "mlp_ratio": 2}),
    "resnet": resnet,
    "mobilevit": mobilevit,
    "convnext": convnext,
    "swin": swin,
    "segformer": segformer,
    "detr": detr,
    "dpt": dpt,
    "clip": clip,
    "vit-gpt2": image_captioning,
    "sam": sam,
    "wav2vec2": wav2vec2,
    "ast": spectrogram_transformer,
    "whisper": whisper,
}  # fmt: skip


def make(name: str) -> RandomModel:
    """The model of a row, with the same weights on every call."""
    torch.manual_seed(3)
    made = MODELS[name]()
    made.model.eval()
    # Two labels of the default names are not saved, and transformers.js needs them.
    made.model.config.id2label = {0: "one", 1: "two"}
    made.model.config.architectures = [type(made.model).__name__]
    return made
