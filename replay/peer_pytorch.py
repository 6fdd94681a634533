#!/usr/bin/env python3
"""Whole forward passes of the ten networks in PyTorch, to stand beside offramp's own on the same GPU.

  replay/peer_pytorch.py [--seconds S] [--nets a,b,...] > peer.txt

fp16, random weights, 3 x 224 x 224 channels-last images or 128 tokens, batch 1 to 64; inputs lie on the GPU. Ways:

  library    torchvision's and Hugging Face's own models (left out where they are not installed), CUDA-graph replay
  eager      the same model, launch by launch
  plain      text: the same layers from plain torch modules with fused attention, CUDA-graph replay
  benchmark  images: cuDNN's algorithms chosen by timing (torch.backends.cudnn.benchmark), CUDA-graph replay

A row: peer, network, batch, way, median of the replays in microseconds by events around each.
"""
import argparse
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCHES = (1, 2, 4, 8, 16, 32, 64)
TOKENS = 128
REPLAYS = 31
TEXT = {  # layers, width, heads, words, positions
    "distilbert-base": (6, 768, 12, 30522, 512),
    "bert-base": (12, 768, 12, 30522, 512),
    "bert-large": (24, 1024, 16, 30522, 512),
    "gpt2-medium": (24, 1024, 16, 50257, 1024),
}
IMAGES = ("resnet18", "resnet50", "resnet101", "vgg11", "vgg13", "vgg16")


class Layer(nn.Module):
    """A transformer layer: norm after each sum (BERT) or before each branch (GPT-2)."""

    def __init__(self, width, heads, decoder):
        super().__init__()
        self.heads, self.decoder = heads, decoder
        self.qkv, self.back = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def attend(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.decoder)
        return self.back(mixed.transpose(1, 2).reshape(n, tokens, width))

    def widen(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh" if self.decoder else "none"))

    def forward(self, x):
        if self.decoder:
            x = x + self.attend(self.first(x))
            return x + self.widen(self.second(x))
        x = self.first(x + self.attend(x))
        return self.second(x + self.widen(x))


class Text(nn.Module):
    def __init__(self, name):
        super().__init__()
        layers, width, heads, words, positions = TEXT[name]
        self.decoder, self.types = name.startswith("gpt"), name.startswith("bert")
        self.word, self.place = nn.Embedding(words, width), nn.Embedding(positions, width)
        self.kind = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(Layer(width, heads, self.decoder) for _ in range(layers))
        self.hidden, self.answer = nn.Linear(width, width), nn.Linear(width, 2)

    def forward(self, tokens):
        x = self.word(tokens) + self.place.weight[: tokens.shape[1]]
        if self.types:
            x = x + self.kind.weight[0]
        if not self.decoder:
            x = self.norm(x)
        for layer in self.layers:
            x = layer(x)
        if self.decoder:
            return self.answer(self.norm(x[:, -1]))
        return self.answer(torch.tanh(self.hidden(x[:, 0])))


def library_model(name):
    if name in IMAGES:
        import torchvision

        return getattr(torchvision.models, name)(weights=None)
    import transformers as hf

    layers, width, heads, words, _ = TEXT[name]
    if name.startswith("gpt"):
        config = hf.GPT2Config(n_layer=layers, n_embd=width, n_head=heads, pad_token_id=0, num_labels=2)
        return hf.GPT2ForSequenceClassification(config)
    if name.startswith("distil"):
        return hf.DistilBertForSequenceClassification(hf.DistilBertConfig())
    config = hf.BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )
    return hf.BertForSequenceClassification(config)


def inputs(name, batch):
    if name in TEXT:
        return torch.randint(1, 30000, (batch, TOKENS), device="cuda")
    image = torch.rand(batch, 3, 224, 224, device="cuda").half()
    return image.to(memory_format=torch.channels_last)


def median_us(run):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    sample = []
    for _ in range(REPLAYS + 1):
        begin.record()
        run()
        end.record()
        end.synchronize()
        sample.append(begin.elapsed_time(end) * 1e3)
    return sorted(sample[1:])[REPLAYS // 2]


def replay_us(model, x):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            model(x)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return median_us(graph.replay)


def measure(name, model, way, row):
    """All batch sizes of one model; a way that fails is reported on stderr and leaves no row."""
    for batch in BATCHES:
        x = inputs(name, batch)
        try:
            if way == "eager":
                model(x)
                us = median_us(lambda: model(x))
            else:
                us = replay_us(model, x)
        except Exception as error:  # noqa: BLE001 - whatever a library's model cannot do
            print(f"peer_pytorch: {name}, batch {batch}, {way}: {error}".splitlines()[0], file=sys.stderr)
            return
        row("peer", name, batch, way, f"{us:.2f}", "us")


def ready(make):
    with torch.device("cuda"):
        model = make()
    return model.half().to(memory_format=torch.channels_last).eval()


def one(name, row):
    try:
        model = ready(lambda: library_model(name))
        measure(name, model, "library", row)
        measure(name, model, "eager", row)
        if name in IMAGES:
            torch.backends.cudnn.benchmark = True
            measure(name, model, "benchmark", row)
            torch.backends.cudnn.benchmark = False
    except ImportError as error:
        print(f"peer_pytorch: {name}: {error}", file=sys.stderr)
    if name in TEXT:
        measure(name, ready(lambda: Text(name)), "plain", row)
    torch.cuda.empty_cache()


def row(*words):
    print(*words, sep="\t", flush=True)


def ceilings():
    """The two rates that bound any program here: bytes of a large copy, operations of a large product."""
    a, b = torch.empty(1 << 30, dtype=torch.uint8, device="cuda"), torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    row("ceiling", "copy", f"{2 * (1 << 30) / median_us(lambda: b.copy_(a)) * 1e-6:.2f}", "TB/s")
    x, y = torch.randn(8192, 8192, device="cuda").half(), torch.randn(8192, 8192, device="cuda").half()
    row("ceiling", "product", f"{2 * 8192**3 / median_us(lambda: x @ y) * 1e-6:.0f}", "TFLOP/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="start no further network after so long")
    parser.add_argument("--nets", default=",".join(IMAGES + tuple(TEXT)))
    options = parser.parse_args()
    begin = time.monotonic()
    row("info", "device", torch.cuda.get_device_name())
    row("info", "torch", torch.__version__)
    row("info", "cudnn", torch.backends.cudnn.version())
    with torch.inference_mode():
        ceilings()
        for name in options.nets.split(","):
            if time.monotonic() - begin > options.seconds:
                print(f"peer_pytorch: out of time before {name}", file=sys.stderr)
                return 1
            one(name, row)
    row("info", "seconds", f"{time.monotonic() - begin:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
