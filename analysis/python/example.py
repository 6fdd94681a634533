"""A run log, looked at from Python. Cell by cell in an editor that knows `# %%`, or as a program:

    offramp sim workloads/scenarios/demo.yaml --log demo.olog
    python3 analysis/python/example.py demo.olog
"""

# %% A run: requests with absolute times, and what the header says of it.
import sys

import numpy

import offramp_reader

path = sys.argv[1] if len(sys.argv) > 1 else "demo.olog"
log = offramp_reader.load(path)
requests = offramp_reader.requests(log)
sites = log.meta["site_names"].split("\n")
print(f"{path}: {len(requests['id'])} requests, {len(log['batches']['id'])} batches, {len(sites)} ramp sites"
      + (", cut short" if log.partial else ""))

# %% Latency: from the intended arrival to the release, of those that were answered.
answered = requests["released_ns"] >= 0
latency_ms = (requests["released_ns"] - requests["arrival_ns"])[answered] / 1e6
queueing_ms = (requests["dispatched_ns"] - requests["arrival_ns"])[answered] / 1e6
print(f"latency mean {latency_ms.mean():.6f} ms, of it in the queue {queueing_ms.mean():.6f} ms")
for percent in (50, 95, 99):
    value = numpy.sort(latency_ms)[int(numpy.ceil(percent / 100 * len(latency_ms))) - 1]  # rank ceil(p n)
    print(f"  p{percent} {value:.4f} ms")

# %% Where requests leave, and what leaving early costs in agreement.
for site, name in enumerate(sites + ["full model"]):
    here = answered & (requests["exit_site"] == site)
    if here.any():
        print(f"{name:12} {here.sum() / answered.sum():7.2%} of the releases, "
              f"{requests['agrees'][here].mean():7.2%} agree with the full model")

# %% Over time: ten slices of the run.
slices = numpy.minimum(requests["arrival_ns"] * 10 // (requests["arrival_ns"].max() + 1), 9)
for part in range(10):
    here = answered & (slices == part)
    if here.any():
        mean = (requests["released_ns"] - requests["arrival_ns"])[here].mean() / 1e6
        print(f"slice {part}: {here.sum():6} answered, mean {mean:.3f} ms, agreement {requests['agrees'][here].mean():.4f}")
