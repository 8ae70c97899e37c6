"""Compares what optimizers make of networks: called by the benchmark `optimizer`.

    pip install -r testsuite/requirements.txt onnxsim==0.8.1 onnxslim==0.1.98

Arguments: a command that is tinyc (a program and its first argument), then for each network its
name, its .onnx file and io.npz. Each optimizer's file is brought to operators of ONNX (`expand.py`),
must give the stored outputs in onnxruntime within TOLERANCE of their range, and is measured by
tinyc, which compiles it without rewriting anything (`--effort 0`: constants are still computed, and
what no output depends on is removed, for every file alike).

onnxruntime runs all its optimizers but NchwcTransformer: that one changes layouts for the vectors
of this processor, and its reorders and padded channels are no operators of ONNX.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import onnxsim
import onnxslim
from expand import count, expand

TARGET = "cortex-m4"

# Sums of thousands of products in another order differ by some 1e-6; a wrong rewrite by far more.
TOLERANCE = 1e-4

# Operators that a network at rest should not have: of no use, or foldable.
USELESS = ["BatchNormalization", "Dropout", "Identity", "Transpose"]

METRICS = ["nodes", "MACs", "weights (B)", "arena (B)", "cycles"]
KEYS = {"MACs": "macs", "weights (B)": "weights_bytes", "arena (B)": "arena_bytes", "cycles": "cycles"}
# In which tinyc is to be no worse than the best peer.
JUDGED = ["MACs", "weights (B)", "cycles"]


def session(path, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL, save=None, without=()):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = level
    if save:
        options.optimized_model_filepath = save
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without))


def by_onnxsim(source, result):
    model, same = onnxsim.simplify(source)
    if not same:
        raise RuntimeError("its own check failed")
    onnx.save(model, result)


def by_onnxslim(source, result):
    onnx.save(onnxslim.slim(onnx.load(source)), result)


def by_onnxruntime(level):
    return lambda source, result: session(source, level, result, ["NchwcTransformer"])


PEERS = {
    "onnxsim": by_onnxsim,
    "onnxslim": by_onnxslim,
    "ORT extended": by_onnxruntime(ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED),
    "ORT all": by_onnxruntime(ort.GraphOptimizationLevel.ORT_ENABLE_ALL),
}
COLUMNS = ["imported", "tinyc", *PEERS]


def difference(path, data):
    """Largest difference to the stored outputs, relative to the range of the output."""
    running = session(path)
    arrays = np.load(data)
    worst = 0.0
    for i in range(len(arrays[arrays.files[0]])):
        feed = {}
        for port in running.get_inputs():
            if f"input/{port.name}" in arrays:
                shape = [d if isinstance(d, int) else 1 for d in port.shape]
                feed[port.name] = arrays[f"input/{port.name}"][i].reshape(shape)
        for port, have in zip(running.get_outputs(), running.run(None, feed)):
            want = arrays[f"output/{port.name}"][i].reshape(have.shape)
            worst = max(worst, float(np.abs(have - want).max() / max(np.abs(want).max(), 1e-30)))
    return worst


class Bench:
    def __init__(self, tinyc, folder):
        self.command = tinyc
        self.folder = folder

    def file(self, name):
        return str(self.folder / name)

    def tinyc(self, *arguments):
        command = [*self.command, *arguments, "--quiet", "--target", TARGET]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(run.stderr.strip().split("\n")[0])
        return run.stdout

    def stats(self, path, *options):
        return json.loads(self.tinyc(path, "-o", self.file("network.c"), "--stats=json", *options))

    def measured(self, path, data, stats=None):
        """Figures of a file in operators of ONNX; `stats` where tinyc's are known already."""
        model = expand(onnx.load(path))
        plain = self.file("plain.onnx")
        onnx.save(model, plain)
        worst = difference(plain, data)
        if not worst <= TOLERANCE:
            raise RuntimeError(f"gives other outputs: {worst:.1e} of their range")
        stats = stats or self.stats(plain, "--effort", "0")
        row = {m: round(stats[k]) for m, k in KEYS.items()}
        operators = count(model)
        return row | {"nodes": sum(operators.values()), "operators": operators, "difference": worst, "stats": stats}

    def network(self, source, data):
        """A row for each column that could be measured, and why others could not."""
        rows, failures = {"imported": self.measured(source, data)}, {}
        optimizers = {"tinyc": lambda source, result: self.tinyc(source, "-o", result)} | PEERS
        for column, optimize in optimizers.items():
            result = self.file(f"{column}.onnx")
            pathlib.Path(result).unlink(missing_ok=True)
            try:
                optimize(source, result)
                rows[column] = self.measured(result, data, self.stats(source) if column == "tinyc" else None)
            except Exception as reason:  # Each package has its own; the other columns stand all the same.
                failures[column] = str(reason).split("\n")[0]
        return rows, failures


def cell(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" + "|--:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(map(cell, row)) + " |")
    print()


def judge(rows):
    """For each judged metric tinyc's value over the best peer's, and who has the best."""
    verdict = {}
    for metric in JUDGED:
        best = min((rows[p][metric] for p in PEERS if p in rows), default=float("inf"))
        ours = rows["tinyc"][metric] if "tinyc" in rows else float("inf")
        who = [c for c in COLUMNS if c in rows and rows[c][metric] == min(best, ours)]
        verdict[metric] = (ours, best, ", ".join(who) if len(who) < len(rows) else "all")
    return verdict


def summary(networks):
    verdicts = {name: judge(rows) for name, rows in networks.items()}
    head = ["best in", *(f"{m}{c}" for m in JUDGED for c in ("", ": tinyc / best peer"))]
    lines = []
    for name, verdict in verdicts.items():
        cells = ((who, f"{ours / best:.4f}" if best else "-") for ours, best, who in verdict.values())
        lines.append([name, *(c for pair in cells for c in pair)])
    table(head, lines)
    total = len(verdicts)
    for metric in JUDGED:
        met = [n for n, v in verdicts.items() if v[metric][0] <= v[metric][1]]
        print(f"{metric}: tinyc <= best peer on {len(met)} of {total}", end="")
        worse = sorted(set(verdicts) - set(met))
        print(f"; more on {', '.join(worse)}" if worse else "")
    better = [n for n, v in verdicts.items() if any(ours < best for ours, best, _ in v.values())]
    print(f"strictly better in at least one: {len(better)} of {total}: {', '.join(better)}")


def main():
    tinyc, networks, skipped, failures = sys.argv[1:3], {}, [], []
    versions = f"onnxsim {onnxsim.__version__.lstrip('v')}, onnxslim {onnxslim.__version__}, onnxruntime {ort.__version__}"
    print(f"{versions}; target {TARGET}\n")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(tinyc, pathlib.Path(folder))
        for name, source, data in zip(*(sys.argv[i::3] for i in (3, 4, 5))):
            print(name, file=sys.stderr)
            try:
                bench.stats(source, "--effort", "0")
            except RuntimeError as reason:
                skipped.append(f"{name} ({reason})")
                continue
            networks[name], reasons = bench.network(source, data)
            failures += [f"{column} for {name}: {reason}" for column, reason in reasons.items()]
    for metric in METRICS:
        cells = lambda rows: [rows[c][metric] if c in rows else "-" for c in COLUMNS]
        table([metric, *COLUMNS], [[name, *cells(rows)] for name, rows in networks.items()])
    optimizer = ["milliseconds", "regions", "enodes", "gap", "proven"]
    head = ["tinyc's", "largest difference / range", *optimizer, f"left of {', '.join(USELESS)}"]
    lines = []
    for name, ours in ((name, rows["tinyc"]) for name, rows in networks.items() if "tinyc" in rows):
        left = [f"{ours['operators'][o]} {o}" for o in USELESS if o in ours["operators"]]
        told = ours["stats"].get("optimizer") or {}
        lines.append([name, f"{ours['difference']:.1e}", *(told.get(k, "-") for k in optimizer), ", ".join(left) or "none"])
    table(head, lines)
    summary(networks)
    print("not compiled by tinyc:", "; ".join(skipped) or "none")
    for failure in failures:
        print("no figures of", failure)


main()
