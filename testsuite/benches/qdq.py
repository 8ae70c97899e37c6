"""Tells where a network in QDQ form differs in integers from what onnxruntime gives for it.

    python testsuite/benches/qdq.py TINYC MODEL.onnx EVAL.npz [SAMPLES]

First whole networks: how often they decide alike, and how far outputs are apart in steps of the last scale; tinyc
and onnxruntime's own integer kernels, each against onnxruntime with optimization off, which computes in floats what
the file says. Then every layer by itself, on the integers that onnxruntime had in front of it: how many elements
differ, by how much, and how far from the middle between two integers the real numbers were there.

Needs onnx, onnxruntime and numpy (testsuite/requirements.txt), and a built command.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def session(model, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def by_onnxruntime(model, level, samples):
    run = session(model, level)
    name = run.get_inputs()[0].name
    shape = [n if isinstance(n, int) else 1 for n in run.get_inputs()[0].shape]
    rows = [run.run(None, {name: sample.reshape(shape)}) for sample in samples]
    return [numpy.stack(column) for column in zip(*rows)]


def by_tinyc(command, model, inputs, folder):
    onnx.save(model, folder / "part.onnx")
    numpy.savez(folder / "in.npz", **{f"input/{name}": data for name, data in inputs.items()})
    arguments = [command, "run", folder / "part.onnx", "--input", folder / "in.npz", "-o", folder / "out.npz"]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    floats = "W0009" in done.stderr
    results = numpy.load(folder / "out.npz")
    return [results[f"output/{o.name}"] for o in model.graph.output], floats


class Network:
    def __init__(self, path):
        self.model = onnx.load(path)
        self.graph = self.model.graph
        self.made_by = {o: n for n in self.graph.node for o in n.output}
        self.constants = {i.name: i for i in self.graph.initializer}

    def is_quantized(self, name):
        return name in self.made_by and self.made_by[name].op_type == "QuantizeLinear"

    def constant(self, name):
        return numpy_helper.to_array(self.constants[name])

    def with_outputs(self, names):
        """The network with more outputs."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in names)
        return model

    def layer(self, result):
        """What computes one quantized value from others: its nodes, and those others."""
        nodes, operands, next_names = [], [], [result]
        seen = set()
        while next_names:
            name = next_names.pop()
            if name in seen or name in self.constants or not name:
                continue
            seen.add(name)
            if name not in self.made_by or name != result and self.is_quantized(name):
                operands.append(name)
                continue
            nodes.append(self.made_by[name])
            next_names += self.made_by[name].input
        kept = [n for n in self.graph.node if n in nodes]
        return kept, operands

    def part(self, result, types):
        nodes, operands = self.layer(result)
        used = {i for n in nodes for i in n.input}
        constants = [c for name, c in self.constants.items() if name in used]
        value = lambda name: helper.make_tensor_value_info(name, *types[name])
        graph = helper.make_graph(nodes, "part", [value(o) for o in operands], [value(result)], constants)
        versions = {"opset_imports": self.model.opset_import, "ir_version": self.model.ir_version}
        return helper.make_model(graph, **versions), operands


def whole(command, network, samples, folder):
    exact = by_onnxruntime(network.model, "ORT_DISABLE_ALL", samples)[0]
    kernels = by_onnxruntime(network.model, "ORT_ENABLE_ALL", samples)[0]
    name = network.graph.input[0].name
    ours, floats = by_tinyc(command, network.model, {name: samples}, folder)
    output = network.graph.output[0].name
    step = float(network.constant(network.made_by[output].input[1]))
    flat = lambda a: a.reshape(len(samples), -1)
    print(f"{len(samples)} samples, steps of {step:.6g}{', partly in floats' if floats else ''}")
    for what, got in [("tinyc", ours[0]), ("onnxruntime, integer kernels", kernels)]:
        far = numpy.rint(numpy.abs(flat(got) - flat(exact)) / step).astype(int).max(axis=1)
        alike = (flat(got).argmax(1) == flat(exact).argmax(1)).mean()
        most = f"at most {far.max():3} steps away, by more than one {(far > 1).sum()}"
        print(f"  {what:30} decides alike {alike:8.2%}, {most}")


def layers(command, network, samples, folder):
    quantized = [n for n in network.graph.node if n.op_type == "QuantizeLinear"]
    names = [n.output[0] for n in quantized if n.input[0] not in network.constants]
    before = {n: network.made_by[n].input[0] for n in names}
    own = {network.graph.input[0].name} | {o.name for o in network.graph.output}
    wanted = [n for n in dict.fromkeys(names + list(before.values())) if n not in own]
    results = by_onnxruntime(network.with_outputs(wanted), "ORT_DISABLE_ALL", samples)
    columns = dict(zip([o.name for o in network.graph.output] + wanted, results))
    columns[network.graph.input[0].name] = samples
    kinds = {numpy.dtype(t): getattr(TensorProto, n) for t, n in [("int8", "INT8"), ("uint8", "UINT8"), ("float32", "FLOAT")]}
    types = {n: (kinds[c.dtype], list(c.shape[1:])) for n, c in columns.items()}
    print(f"  {'layer':60} {'differ %':>9} {'steps':>5} {'from middle':>11}")
    for name in names:
        part, operands = network.part(name, types)
        if not operands:
            continue
        got, floats = by_tinyc(command, part, {o: columns[o] for o in operands}, folder)
        apart = numpy.abs(got[0].astype(int) - columns[name].astype(int))
        scale = network.constant(network.made_by[name].input[1]).astype(numpy.float64)
        steps = columns[before[name]].astype(numpy.float64) / scale
        middle = numpy.abs(steps - numpy.floor(steps) - 0.5)[apart > 0]
        far = f"{middle.max():.1e}" if middle.size else "-"
        computes = [n for n in part.graph.node if n.op_type not in ("QuantizeLinear", "DequantizeLinear")]
        label = computes[-1].name or computes[-1].op_type if computes else name
        print(f"  {label[-60:]:60} {(apart > 0).mean() * 100:9.4f} {apart.max():5} {far:>11}{' floats' if floats else ''}")


def main():
    command, model, data = sys.argv[1:4]
    arrays = numpy.load(data)
    samples = arrays[next(k for k in arrays if k != "labels")].astype(numpy.float32)
    network = Network(model)
    dims = network.graph.input[0].type.tensor_type.shape.dim
    samples = samples.reshape([len(samples)] + [d.dim_value or 1 for d in dims])
    with tempfile.TemporaryDirectory() as folder:
        few = samples[: int(sys.argv[4])] if len(sys.argv) > 4 else samples
        whole(command, network, samples, Path(folder))
        layers(command, network, few, Path(folder))


if __name__ == "__main__":
    main()
