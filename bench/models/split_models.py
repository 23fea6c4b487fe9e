"""A vision–language model in the three files that transformers.js loads: embed_tokens, vision_encoder, decoder_model_merged.

The exporter of optimum writes no such model. It writes the language model alone; here its first Gather becomes a file of
its own, and the decoder reads embeddings in the place of token ids.
"""

import json
import tempfile
from pathlib import Path

import onnx
import torch
import transformers as hf
from onnx import TensorProto, helper
from optimum.exporters.onnx import main_export

import small_tokenizers
from random_models import DECODER, IMAGE, VISION, clip_images


class Vision(torch.nn.Module):
    """Pixels to embeddings in the space of the decoder: the last layer but one without its class token, projected."""

    def __init__(self, model: hf.LlavaForConditionalGeneration):
        super().__init__()
        self.tower, self.projector = model.model.vision_tower, model.model.multi_modal_projector

    def forward(self, pixel_values):
        hidden = self.tower(pixel_values, output_hidden_states=True).hidden_states[-2]
        return self.projector(hidden[:, 1:])


def split_embeddings(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """A causal language model as (what embeds token ids, the rest). The rest reads lengths off `inputs_embeds`."""
    graph = model.graph
    gather = next(node for node in graph.node if node.op_type == "Gather" and node.input[1] == "input_ids")
    table = next(one for one in graph.initializer if one.name == gather.input[0])
    ids = next(one for one in graph.input if one.name == "input_ids")
    hidden = helper.make_tensor_value_info("inputs_embeds", TensorProto.FLOAT, ["batch_size", "sequence_length", table.dims[1]])
    embed = helper.make_graph(
        [helper.make_node("Gather", [table.name, "input_ids"], ["inputs_embeds"], gather.name)], "embed_tokens", [ids], [hidden], [table]
    )
    opset = {"opset_imports": model.opset_import, "ir_version": model.ir_version}
    embed = helper.make_model(onnx.GraphProto.FromString(embed.SerializeToString()), **opset)
    names = {"input_ids": "inputs_embeds", gather.output[0]: "inputs_embeds"}
    graph.node.remove(gather)
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)
    if not any(table.name in node.input for node in graph.node):
        graph.initializer.remove(table)
    graph.input.remove(ids)
    graph.input.insert(0, hidden)
    return embed, model


def llava(out: Path, _) -> None:
    tokenizer = small_tokenizers.byte_level(special=("<|endoftext|>", "<image>"))
    end, image = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<image>"])
    ends = dict(bos_token_id=end, eos_token_id=end, pad_token_id=end)
    text = hf.LlamaConfig(vocab_size=len(tokenizer), **DECODER, **ends)
    config = hf.LlavaConfig(
        hf.CLIPVisionConfig(**VISION), text, image_token_index=image, image_seq_length=(IMAGE // 8) ** 2,
        architectures=["LlavaForConditionalGeneration"],
    )  # fmt: skip
    torch.manual_seed(3)
    model = hf.LlavaForConditionalGeneration(config).eval()
    decoder = hf.LlamaForCausalLM(text).eval()
    (out / "onnx").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        decoder.save_pretrained(f"{folder}/saved")
        tokenizer.save_pretrained(f"{folder}/saved")
        main_export(f"{folder}/saved", f"{folder}/exported", task="text-generation-with-past", opset=18, do_validation=False)
        embed, rest = split_embeddings(onnx.load(f"{folder}/exported/model.onnx"))
    onnx.save(embed, out / "onnx/embed_tokens.onnx")
    onnx.save(rest, out / "onnx/decoder_model_merged.onnx")
    torch.onnx.export(
        Vision(model), (torch.zeros(1, 3, IMAGE, IMAGE),), out / "onnx/vision_encoder.onnx", dynamo=False, opset_version=18,
        input_names=["pixel_values"], output_names=["image_features"],
        dynamic_axes={"pixel_values": {0: "num_images"}, "image_features": {0: "num_images"}},
    )  # fmt: skip
    config.save_pretrained(out)
    tokenizer.save_pretrained(out)
    images = clip_images()
    images._set_processor_class("LlavaProcessor")
    images.save_pretrained(out)
    hf.GenerationConfig(**ends).save_pretrained(out)
    processor = dict(processor_class="LlavaProcessor", image_token="<image>", patch_size=8, num_additional_image_tokens=0)
    (out / "processor_config.json").write_text(json.dumps(processor, indent=1))


MODELS = {"llava": llava}
