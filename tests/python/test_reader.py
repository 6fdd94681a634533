"""analysis/python/offramp_reader.py against files the tool has just written, and what the tool says of them.

To see it fail: leave the `+ start` out of requests(), fold `delta` with >> 2, or accept any version.
"""

import csv
import io
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "analysis" / "python"))
import offramp_reader  # noqa: E402

TOOL = os.environ["OFFRAMP"]
DATA = ROOT / "workloads" / "data"
DEMO = str(ROOT / "workloads" / "scenarios" / "demo.yaml")


def offramp(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"offramp {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def table(*arguments):
    """What a `print --csv` shows, as a dict of columns of texts."""
    rows = list(csv.reader(io.StringIO(offramp(*arguments, "--csv"))))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


class Reader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        cls.log = cls.work / "run.olog"
        # More requests than fit into a chunk, ramps that move, requests that are late or rejected.
        offramp("sim", DEMO, "--log", cls.log, "--set", "requests=70000", "--set", "exits=apparate", "--set", "slo=1ms",
                "--set", "arrivals.rate=4k/s")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def same(self, values, texts):
        kind = float if values.dtype.kind == "f" else int
        self.assertEqual(len(values), len(texts))
        expected = numpy.array([kind(text) for text in texts])
        if kind is float:
            numpy.testing.assert_allclose(values.astype(float), expected, rtol=1e-8)
        else:
            numpy.testing.assert_array_equal(values, expected)

    def test_trace(self):
        source = self.work / "own.csv"
        lines = [f"{3 * i * i + i % 7},{i % 900 + 1},{i % 3},{i * 0.25}" for i in range(5000)]
        source.write_text("at,tokens,camera,took\n" + "\n".join(lines) + "\n")
        path = self.work / "own.otrace"
        offramp("trace", "import", "csv", source, "--time", "at", "--unit", "us", "--prompt", "tokens", "--stream",
                "camera", "--duration", "took", "--sort", "-o", path)
        trace = offramp_reader.load(path)
        shown = table("trace", "print", path)
        self.assertEqual(set(shown), set(trace["requests"]))
        for name, texts in shown.items():
            self.same(trace["requests"][name], texts)
        self.assertIn("source_xxh64", trace.provenance)  # written at the end

    def test_recordings(self):
        for name in ("resnet18-vehicle-drift", "bert12-imdb-shuffled"):
            path = DATA / f"{name}.orec"
            recording = offramp_reader.load(path)
            shown = table("recording", "print", path)
            self.assertEqual(len(recording.meta["site_names"].split("\n")), recording["samples"]["top1"].shape[1])
            for column, texts in shown.items():
                base, _, site = column.partition(".")
                values = recording["samples"][base]
                self.same(values[:, int(site)] if site else values, texts)

    def test_profile(self):
        path = DATA / "h200-resnet18.oprof"
        median = offramp_reader.medians(offramp_reader.load(path))
        for row in json.loads(offramp("profile", "info", path, "--json"))["batches"]:
            sites = len(row["until_us"])
            found = [median["until", row["batch"], site] / 1e3 for site in range(sites + 1)]
            numpy.testing.assert_allclose(found, row["until_us"] + [row["full_us"]])
            numpy.testing.assert_allclose([median["ramp_add", row["batch"], site] / 1e3 for site in range(sites)],
                                          row["ramp_add_us"])

    def test_run_log(self):
        log = offramp_reader.load(self.log)
        requests = offramp_reader.requests(log)
        shown = table("log", "print", self.log, "--table", "requests")
        self.assertGreater(len(shown["id"]), offramp_reader.CHUNK_ROWS)
        self.assertGreater(len(set(shown["outcome"])), 1)
        self.assertEqual([offramp_reader.OUTCOMES[i] for i in requests["outcome"]], shown.pop("outcome"))
        for name in set(shown) & set(requests):
            if name == "correct":
                continue  # printed as nothing where there is no label
            values = requests[name]
            blank = [text == "" for text in shown[name]]
            self.same(values[~numpy.array(blank)], [text for text in shown[name] if text != ""])
        self.assertGreaterEqual(len(set(shown) & set(requests)), 12)
        batches = table("log", "print", self.log, "--table", "batches")
        self.same(log["batches"]["size"], batches["size"])
        self.same(log["batches"]["dispatched_ns"] + log["batches"]["ended_minus_dispatched"], batches["ended_ns"])
        decisions = table("log", "print", self.log, "--table", "decisions")
        self.assertGreater(len(decisions["trigger"]), 10)
        self.assertEqual([text.decode() for text in log["decisions"]["trigger"]], decisions["trigger"])
        for ramps, sites, thresholds, text in zip(log["decisions"]["ramps"], log["decisions"]["site"],
                                                  log["decisions"]["threshold"], decisions["ramps"]):
            pairs = [pair.split("=") for pair in text.split()]
            self.assertEqual([int(site) for site, _ in pairs], list(sites[:ramps]))
            self.assertEqual([float(threshold) for _, threshold in pairs], list(thresholds[:ramps]))

    def test_summary_out_of_the_log(self):
        told = json.loads(offramp("log", "info", self.log, "--json"))
        requests = offramp_reader.requests(offramp_reader.load(self.log))
        counts = numpy.bincount(requests["outcome"], minlength=len(offramp_reader.OUTCOMES))
        text = json.dumps(told)
        for name, count in zip(offramp_reader.OUTCOMES, counts):
            self.assertIn(f'"{name}": {count}', text)

    def test_example(self):
        summary = json.loads(offramp("sim", DEMO, "--json", "--log", self.work / "demo.olog"))
        told = subprocess.run([sys.executable, ROOT / "analysis" / "python" / "example.py", self.work / "demo.olog"],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn(f"latency mean {summary['latency_ms']['mean']:.6f} ms, of it in the queue "
                      f"{summary['queueing_ms']['mean']:.6f} ms", told)
        self.assertIn(f"{summary['exit_rate'][-1]:7.2%} of the releases", told)

    def test_sweep(self):
        source, folder = self.work / "few.yaml", self.work / "few"
        source.write_text(f"name: few\nscenario: {DEMO}\naxes: {{exits: [vanilla, apparate], slo: [1ms, 20ms]}}\n"
                          "replications: 2\n")
        offramp("sweep", source, "-o", folder, "--set", "requests=300")
        results = offramp_reader.load(folder / "results.osweep")
        metrics = [results.meta[f"metric.{i}"] for i in range(results["runs"]["value"].shape[1])]
        for name, column in (("configurations", "mean"), ("runs", "value")):
            with open(folder / ("results.csv" if name == "configurations" else "runs.csv"), encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual(len(rows), len(results[name]["configuration"]))
            for i, metric in enumerate(metrics):
                self.same(results[name][column][:, i], [row[metric] for row in rows])
        self.assertEqual([text.decode() for text in results["configurations"]["slo"]], ["1ms", "20ms", "1ms", "20ms"])

    def test_replay_log(self):
        path = self.work / "replay.olog"
        offramp("replay", DEMO, "--device", "null", "--pace", "profile", "--set", "requests=200", "--max-lateness", "1min",
                "--log", path)
        log = offramp_reader.load(path)
        self.assertIn("instants", log)
        self.assertEqual(list(log["instants"]["now_ns"]), sorted(log["instants"]["now_ns"]))
        self.assertEqual(len(offramp_reader.requests(log)["id"]), 200)

    def test_only_what_is_wanted(self):
        some = offramp_reader.load(self.log, want={"batches.size"})
        self.assertEqual({name: list(columns) for name, columns in some.items() if columns}, {"batches": ["size"]})
        self.same(some["batches"]["size"], table("log", "print", self.log, "--table", "batches")["size"])

    def test_cut_files(self):
        whole = self.log.read_bytes()
        full = offramp_reader.load(self.log)["requests"]["id"]
        path = self.work / "cut.olog"
        seen = set()
        for size in range(len(whole) - 1, 0, -len(whole) // 23):
            path.write_bytes(whole[:size])
            try:
                cut = offramp_reader.load(path)
            except offramp_reader.FormatError:
                self.assertLess(size, 6000, "a cut behind the header has to leave the chunks before it")
                continue
            self.assertTrue(cut.partial)
            ids = cut["requests"]["id"]
            numpy.testing.assert_array_equal(ids, full[:len(ids)])
            seen.add(len(ids))
        self.assertGreaterEqual(len(seen), 3)  # nothing, some chunks, ... all rows without the end mark

    def test_damage(self):
        whole = (DATA / "example.otrace").read_bytes()
        path = self.work / "bad.otrace"
        draw = random.Random(1)
        for _ in range(300):
            at = draw.randrange(len(whole))
            bad = bytearray(whole)
            bad[at] ^= 1 << draw.randrange(8)
            path.write_bytes(bad)
            try:
                got = offramp_reader.load(path)
            except offramp_reader.FormatError as error:
                self.assertIn(f"{path}: offset ", str(error))
            else:
                self.assertTrue(got.partial, f"byte {at} changed and nothing was said")
        path.write_bytes(whole + b"\0")
        with self.assertRaisesRegex(offramp_reader.FormatError, "after the end mark"):
            offramp_reader.load(path)
        path.write_bytes(b"PK\3\4 something else")
        with self.assertRaises(offramp_reader.FormatError):
            offramp_reader.load(path)

    def test_unknown_version_and_kind(self):
        whole = (DATA / "example.otrace").read_bytes()
        path = self.work / "new.otrace"
        at = whole.index(b"version") + len("version")
        path.write_bytes(whole[:at] + b"\x09" + whole[at + 1:])
        with self.assertRaisesRegex(offramp_reader.FormatError, "version 9 of offramp.trace, expected 1"):
            offramp_reader.load(path)
        path.write_bytes(whole.replace(b"offramp.trace", b"offramp.dance", 1))
        with self.assertRaisesRegex(offramp_reader.FormatError, "kind 'offramp.dance'"):
            offramp_reader.load(path)

    def test_every_kind_is_known(self):
        rows = re.findall(r'X\(\w+, \d+, "(offramp\.\w+)", .*?, (\d+)\)', (ROOT / "traces" / "container.h").read_text())
        self.assertEqual({kind: int(version) for kind, version in rows}, offramp_reader.KINDS)

    def test_xxh64(self):
        # Of the specification's reference implementation (sanity check of xxhsum): seed 0, seed 2654435761.
        self.assertEqual(offramp_reader._xxh64(b"", 0), 0xEF46DB3751D8E999)
        self.assertEqual(offramp_reader._xxh64(b"", 2654435761), 0xAC75FDA2929B17EF)
        data = bytes(range(256)) * 3
        if offramp_reader.xxhash:
            for size in (1, 3, 4, 8, 31, 32, 33, 63, 100, 768):
                self.assertEqual(offramp_reader._xxh64(data[:size], 77), offramp_reader.xxh64(data[:size], 77))


if __name__ == "__main__":
    unittest.main()
