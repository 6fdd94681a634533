#!/usr/bin/env python3
"""Offramp's whole passes beside PyTorch's, from what one run of replay/check_gpu.sh wrote.

  replay/peer_table.py time.txt peer.txt [NETWORKS BATCHES]

NETWORKS, BATCHES: lists in one word each ("resnet18 vgg11" "1 2 4") of which every pair is expected; without them, every
pair that time.txt has. Exit 1 when a row that is expected is missing or a ratio is not below 1.

A row a network and batch size: offramp's microseconds; the fastest way of PyTorch's and its microseconds; their ratio;
then the two floors no program can beat, bytes over the rate of a large copy and operations over the rate of a large
product (both measured by peer_pytorch.py), and how much of the larger of them offramp's time is.
"""
import sys


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines]


def main(arguments):
    if len(arguments) not in (2, 4):
        print(__doc__, file=sys.stderr)
        return 2
    ours, peer = read(arguments[0]), read(arguments[1])
    ceiling = {word[1]: float(word[2]) for word in peer if word[0] == "ceiling"}
    best = {}
    for word in peer:
        if word[0] == "peer":
            best.setdefault((word[1], word[2]), []).append((float(word[4]), word[3]))
    print(f"copy {ceiling['copy']} TB/s, product {ceiling['product']:.0f} TFLOP/s")
    print("network\tbatch\tofframp us\tpytorch us\tway\tratio\tbytes floor us\toperations floor us\tfloor/offramp")
    if len(arguments) == 4:
        expected = {(net, batch) for net in arguments[2].split() for batch in arguments[3].split()}
    else:
        expected = {(word[1], word[2]) for word in ours if word[0] == "full"}
    below, rows = 0, set()
    for word in ours:
        if word[0] != "full" or (word[1], word[2]) not in best:
            continue
        us, (other, way) = float(word[3]), min(best[word[1], word[2]])
        by_bytes, by_operations = float(word[5]) / ceiling["copy"] * 1e-6, float(word[7]) / ceiling["product"] * 1e-6
        floor = max(by_bytes, by_operations)
        print(
            f"{word[1]}\t{word[2]}\t{us:.1f}\t{other:.1f}\t{way}\t{us / other:.2f}"
            f"\t{by_bytes:.1f}\t{by_operations:.1f}\t{floor / us:.2f}"
        )
        rows.add((word[1], word[2]))
        below += us < other
    for net, batch in sorted(expected - rows):
        print(f"missing: {net}, batch {batch}")
    print(f"{below} of {len(rows | expected)} ratios below 1")
    return 0 if rows and below == len(rows | expected) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
