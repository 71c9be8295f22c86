"""Runs llama.cpp's server with a tiny model of random weights; for the environment that has it, not for ours.

`python llamacpp.py PORT NAME FOLDER`; it answers, and what it says is noise.
"""

import sys
import threading
from pathlib import Path

import gguf
import numpy as np
import xllamacpp
from pieces import pieces

SPACE, FIRST_BYTE = "▁", 3
WIDTH, LAYERS, HEADS, INNER, WINDOW = 64, 2, 4, 128, 32768
END, LIKELY = 2, 0.1
"""The token that ends an answer, and how likely it is: answers are some dozens of tokens long."""
TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}: "
    "{{ message['content'] if message['content'] is string else '' }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)


def tokens() -> tuple[list[bytes], list[int]]:
    """A vocabulary: the special ones, all bytes, pieces of words; and their types."""
    special = [b"<unk>", b"<s>", b"</s>"]
    every_byte = [f"<0x{value:02X}>".encode() for value in range(256)]
    usual = [piece.encode() for piece in pieces(SPACE)]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    types += [gguf.TokenType.BYTE] * len(every_byte) + [gguf.TokenType.NORMAL] * len(usual)
    return [*special, *every_byte, *usual], types


def write(path: Path) -> None:
    """A model of random weights."""
    vocabulary, types = tokens()
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(WINDOW)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(vocabulary))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary)
    writer.add_token_scores([0.0] * len(vocabulary))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)

    def add(name: str, *shape: int, scale: float = 0.1) -> None:
        weights = np.ones(shape) if len(shape) == 1 else random.normal(0, scale, shape)
        if name == "token_embd.weight":
            weights[:, 0] = 2
        if name == "output.weight":
            weights[:, 0] = 0
            weights[END, 0] = LIKELY
            weights[FIRST_BYTE : FIRST_BYTE + 256, 0] = -5  # bytes are there for what it reads
        writer.add_tensor(name, weights.astype(np.float32))

    add("token_embd.weight", len(vocabulary), WIDTH, scale=0.5)
    add("output.weight", len(vocabulary), WIDTH)
    add("output_norm.weight", WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        add(f"{block}.attn_norm.weight", WIDTH)
        add(f"{block}.ffn_norm.weight", WIDTH)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"{block}.{part}.weight", WIDTH, WIDTH)
        add(f"{block}.ffn_gate.weight", INNER, WIDTH)
        add(f"{block}.ffn_up.weight", INNER, WIDTH)
        add(f"{block}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(port: int, name: str, folder: Path) -> None:
    """Write the model and serve it until the process ends."""
    path = folder / "tiny.gguf"
    write(path)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {name}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = WINDOW, 4
    params.cpuparams.n_threads = 1
    params.use_jinja = True
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
