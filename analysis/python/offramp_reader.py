"""Reads Offramp's files: request traces, exit recordings, latency profiles, run logs, results of sweeps.

    import offramp_reader

    log = offramp_reader.load("run.olog")
    log.meta["seed"]                          # texts of the header
    log["batches"]["size"].mean()             # a table is a dict of numpy arrays, one per column
    requests = offramp_reader.requests(log)   # times of a run log, absolute, in ns
    (requests["released_ns"] - requests["arrival_ns"]).mean()

A column of width 1 is an array of shape (rows,), others are (rows, width); `text` columns are arrays of bytes.
`chunks` walks through a file in constant memory. A file that was cut short gives its whole chunks and says
`partial`; damage, a kind nobody knows and a version other than the one known raise FormatError.

Needs msgpack, numpy and zstandard (Debian: python3-msgpack python3-numpy python3-zstandard). With xxhash installed,
checksums are faster to check. The format is described in docs/formats.md.
"""

import struct

import msgpack
import numpy
import zstandard

try:
    import xxhash
except ImportError:  # slower, the same sums
    xxhash = None

# Kind as stored, and the version read here: an exact match is asked for, as the tool does.
KINDS = {
    "offramp.trace": 1,
    "offramp.recording": 1,
    "offramp.profile": 1,
    "offramp.runlog": 1,
    "offramp.sweep": 1,
}

TYPES = {
    "u8": "<u1", "u16": "<u2", "u32": "<u4", "u64": "<u8", "i64": "<i8",
    "f16": "<f2", "f32": "<f4", "f64": "<f8", "text": "u1",
}

ENCODINGS = ("raw", "planes", "delta")
CHUNK_ROWS = 65536
CHUNK_BYTES = 64 << 20
OBJECT_BYTES = CHUNK_BYTES + (2 << 20)


class FormatError(ValueError):
    """PATH: offset N: what was found, what was expected."""


# ---- XXH64 ----

_MASK = (1 << 64) - 1
_P1, _P2, _P3, _P4, _P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                           0x27D4EB2F165667C5)


def _turn(value, by):
    return (value << by | value >> (64 - by)) & _MASK


def _round(lane, word):
    return _turn((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _xxh64(data, seed):
    """XXH64 as its specification gives it, section "XXH64 algorithm description"."""
    size, at = len(data), 0
    if size >= 32:
        a, b, c, d = (seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed, (seed - _P1) & _MASK
        for at in range(0, size - 31, 32):
            w, x, y, z = struct.unpack_from("<4Q", data, at)
            a, b, c, d = _round(a, w), _round(b, x), _round(c, y), _round(d, z)
        at += 32
        total = (_turn(a, 1) + _turn(b, 7) + _turn(c, 12) + _turn(d, 18)) & _MASK
        for lane in (a, b, c, d):
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        total = (seed + _P5) & _MASK
    total = (total + size) & _MASK
    while at + 8 <= size:
        total = (_turn(total ^ _round(0, struct.unpack_from("<Q", data, at)[0]), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= size:
        total = (_turn(total ^ struct.unpack_from("<I", data, at)[0] * _P1 & _MASK, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        total = _turn(total ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
    for shift, factor in ((33, _P2), (29, _P3)):
        total = (total ^ total >> shift) * factor & _MASK
    return total ^ total >> 32


def xxh64(data, seed=0):
    """XXH64 of bytes, as a number."""
    return xxhash.xxh64_intdigest(data, seed) if xxhash else _xxh64(data, seed)


def _number(value):
    return struct.pack("<Q", value)


# ---- columns ----


def _decode(column, rows, data):
    """One column of one chunk; `data` is the decompressed frame."""
    kind = numpy.dtype(TYPES[column["type"]])
    count = rows * column["width"]
    if column["encoding"] == "raw":
        values = numpy.frombuffer(data, kind).copy()
    else:
        planes = numpy.frombuffer(data, numpy.uint8).reshape(kind.itemsize, count)
        values = numpy.ascontiguousarray(planes.T).view(kind).reshape(count)
    if column["encoding"] == "delta":
        folded = values.view(f"<u{kind.itemsize}")
        steps = (folded >> 1) ^ (~(folded & 1) + 1).astype(folded.dtype)
        values = numpy.cumsum(steps, dtype=folded.dtype).view(kind)
    if column["type"] == "text":
        return values.view(f"S{column['width']}").reshape(rows)
    return values.reshape(rows, column["width"]) if column["width"] > 1 else values


class Reader:
    """One open file. `kind`, `version`, `tables` (name -> list of columns), `meta` and `provenance` are there at once;
    `partial` and the provenance written last once `chunks` has come to the end."""

    def __init__(self, path, check=True):
        self.path = path
        self.check = check
        self.partial = False
        self._file = open(path, "rb")
        try:
            self._unpacker = msgpack.Unpacker(self._file, raw=False, max_buffer_size=OBJECT_BYTES,
                                              max_bin_len=OBJECT_BYTES)
            self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self._file.close()

    def _fail(self, offset, text):
        raise FormatError(f"{self.path}: offset {offset}: {text}")

    def _object(self):
        """The next msgpack object; None at the end of the file or inside an object that was cut."""
        offset = self._unpacker.tell()
        try:
            return self._unpacker.unpack()
        except msgpack.OutOfData:
            return None
        except (msgpack.UnpackException, ValueError) as error:
            self._fail(offset, f"no msgpack this format uses ({error})")

    def _read_header(self):
        header = self._object()
        if not isinstance(header, dict) or not isinstance(header.get("kind"), str):
            self._fail(0, "found no header, expected a file made by offramp")
        self.kind, self.version = header["kind"], header.get("version")
        if self.kind not in KINDS:
            self._fail(0, f"found kind '{self.kind}', expected one of: {' '.join(KINDS)}")
        if self.version != KINDS[self.kind]:
            self._fail(0, f"found version {self.version} of {self.kind}, expected {KINDS[self.kind]}")
        size = self._unpacker.tell()
        with open(self.path, "rb") as file:
            self._sum = xxh64(file.read(size))
        if self._object() != self._sum:
            self._fail(size, "the header's checksum is wrong, or the file was cut inside the header")
        try:
            self.meta = dict(header["meta"])
            self.provenance = dict(header["provenance"])
            self.tables = {table["name"]: table["columns"] for table in header["tables"]}
            lacks = [column["name"] for columns in self.tables.values() for column in columns
                     if column["type"] not in TYPES or column["encoding"] not in ENCODINGS or column["width"] < 1]
        except (KeyError, TypeError, ValueError):
            self._fail(0, "the header is none: a part of it is missing or of another type")
        if lacks:
            self._fail(0, f"column '{lacks[0]}' has a type, a width or an encoding this reader lacks")

    def _verify(self, offset, found, data):
        if not self.check:
            return
        self._sum = xxh64(data, self._sum)
        if found != self._sum:
            self._fail(offset, "a wrong checksum: the file is damaged here")

    def chunks(self, want=None):
        """Yields (name of the table, rows before, columns as a dict). `want` names the columns to decode, as a set of
        "table.column"; None = all."""
        names = list(self.tables)
        rows_of = [0] * len(names)
        inflate = zstandard.ZstdDecompressor()
        while True:
            offset = self._unpacker.tell()
            chunk = self._object()
            if chunk is None:
                self.partial = True
                return
            if not isinstance(chunk, list) or len(chunk) != 4:
                self._fail(offset, "found no chunk")
            table, rows, found, frames = chunk
            if table is None:
                self._end(offset, rows, found, frames, rows_of)
                return
            columns = self.tables[names[table]] if table < len(names) else ()
            if not 0 < rows <= CHUNK_ROWS or len(frames) != len(columns):
                self._fail(offset, f"found {rows} rows of {len(frames)} columns in a chunk of table {table}")
            self._verify(offset, found, _number(table) + _number(rows) +
                         b"".join(_number(len(frame)) + frame for frame in frames))
            out = {}
            for column, frame in zip(columns, frames):
                if want is None or f"{names[table]}.{column['name']}" in want:
                    out[column["name"]] = _decode(column, rows, self._inflate(inflate, offset, column, rows, frame))
            yield names[table], rows_of[table], out
            rows_of[table] += rows

    def _inflate(self, inflate, offset, column, rows, frame):
        size = rows * column["width"] * numpy.dtype(TYPES[column["type"]]).itemsize
        if size > CHUNK_BYTES:
            self._fail(offset, f"column '{column['name']}' claims {size} bytes")
        try:
            data = inflate.decompress(frame, max_output_size=size)
        except zstandard.ZstdError as error:
            self._fail(offset, f"column '{column['name']}': {error}")
        if len(data) != size:
            self._fail(offset, f"column '{column['name']}': found {len(data)} bytes, expected {size}")
        return data

    def _end(self, offset, rows, found, notes, rows_of):
        data = b"".join(map(_number, rows))
        for name, text in notes.items():
            for part in (name.encode(), text.encode()):
                data += _number(len(part)) + part
        self._verify(offset, found, data)
        if list(rows) != rows_of:
            self._fail(offset, f"found {rows_of} rows, but the end mark says {list(rows)}")
        self.provenance.update(notes)
        if self._file.read(1) or self._unpacker.read_bytes(1):
            self._fail(self._unpacker.tell(), "found bytes after the end mark")


class File(dict):
    """A whole file in memory: table name -> column name -> array; `kind`, `version`, `meta`, `provenance`,
    `partial`."""


def load(path, want=None, check=True):
    """Reads a file whole. See Reader.chunks for `want`; `check=False` leaves checksums out."""
    with Reader(path, check) as reader:
        parts = {name: {column["name"]: [] for column in columns} for name, columns in reader.tables.items()}
        for name, _, columns in reader.chunks(want):
            for column, values in columns.items():
                parts[name][column].append(values)
        out = File()
        for name, columns in reader.tables.items():
            out[name] = {}
            for column in columns:
                if want is None or f"{name}.{column['name']}" in want:
                    empty = _decode(column, 0, b"")
                    out[name][column["name"]] = numpy.concatenate(parts[name][column["name"]] or [empty])
        for field in ("kind", "version", "meta", "provenance", "partial"):
            setattr(out, field, getattr(reader, field))
    return out


# ---- what the kinds mean ----

OUTCOMES = ("ok", "late", "rejected", "dropped", "expired", "unfinished", "onward")
"""Names of `outcome`. "onward" is no end: the request went on to the next stage of its mode and has a further row."""


def requests(log):
    """The requests of a run log with absolute times, in ns from the start of the run: arrival_ns, admitted_ns,
    dispatched_ns, released_ns, ended_ns, deadline_ns (-1 = did not happen), and every other column as it is."""
    rows, batches = log["requests"], log["batches"]
    has_batch = rows["batch"] >= 0
    start = numpy.zeros(len(rows["batch"]), numpy.int64)
    end = numpy.zeros_like(start)
    order = numpy.argsort(batches["id"], kind="stable")
    at = order[numpy.searchsorted(batches["id"], rows["batch"][has_batch], sorter=order)]
    start[has_batch] = batches["dispatched_ns"][at]
    end[has_batch] = batches["dispatched_ns"][at] + batches["ended_minus_dispatched"][at]
    out = {name: rows[name] for name in ("id", "batch", "sample", "stream", "exit_site", "answer", "outcome", "agrees",
                                         "correct")}
    out["arrival_ns"] = start - rows["dispatch_minus_arrival"]
    out["admitted_ns"] = rows["admitted_minus_arrival"] + out["arrival_ns"]
    out["dispatched_ns"] = rows["dispatched_minus_batch"] + start
    out["released_ns"] = end - rows["batch_end_minus_released"]
    out["ended_ns"] = rows["ended_minus_batch_end"] + end
    out["deadline_ns"] = rows["deadline_minus_arrival"] + out["arrival_ns"]
    return out


QUANTITIES = ("until", "ramp_add", "ramp_delay", "copy_in", "copy_out", "dispatch", "release", "feedback",
              "ramp_alone", "ramp_in_line", "idle", "pass", "ramp_pass", "seen", "notice", "decide", "tune", "reply",
              "ramps_pass", "ahead")


def medians(profile):
    """Of a latency profile: {(quantity, batch, site): median in ns}."""
    rows = profile["samples"]
    keys = numpy.stack([rows["quantity"].astype(numpy.int64), rows["batch"].astype(numpy.int64),
                        rows["site"].astype(numpy.int64)], axis=1)
    unique, inverse = numpy.unique(keys, axis=0, return_inverse=True)
    return {(QUANTITIES[quantity], int(batch), int(site)): float(numpy.median(rows["value_ns"][inverse == i]))
            for i, (quantity, batch, site) in enumerate(unique)}
