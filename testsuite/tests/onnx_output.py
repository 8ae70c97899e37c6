"""Runs ONNX models that tinyc wrote in onnxruntime, and compares what they give with stored outputs.

Arguments: triples of a model, the samples (.npz with input/NAME and output/NAME, axis 0 counting samples)
and the largest allowed difference, in units of the largest magnitude of the output. The ONNX checker has to
pass each model, and infer the types that its outputs declare. Prints one line a model, "no kernel" where
onnxruntime lacks an element type; ends with status 1 if one is wrong.
"""

import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented


def inferred(model):
    """The outputs' declared types are those that ONNX infers from the nodes."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for output in bare.graph.output:
        output.type.Clear()
    graph = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True).graph
    for declared, given in zip(model.graph.output, graph.output):
        if given.type.HasField("tensor_type") and given.type != declared.type:
            raise ValueError(f"output {declared.name!r}: declared {declared.type}, inferred {given.type}")


def session(path):
    options = ort.SessionOptions()
    # Fusions would be onnxruntime's work, not what tinyc wrote.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def difference(path, samples):
    """Largest difference, in units of the largest magnitude of the output."""
    run = session(path)
    data = np.load(samples)
    worst = 0.0
    for o in run.get_outputs():
        want = data["output/" + o.name]
        have = []
        for i in range(len(want)):
            feeds = {}
            for k in run.get_inputs():
                sample = data["input/" + k.name][i]
                feeds[k.name] = np.asarray(sample).reshape(k.shape)
            have.append(run.run([o.name], feeds)[0])
        have = np.stack(have).reshape(want.shape).astype(np.float64)
        if have.size == 0:
            raise ValueError(f"output {o.name!r} has no samples")
        scale = max(np.abs(want).max(), 1e-30)
        worst = max(worst, float(np.abs(have - want.astype(np.float64)).max() / scale))
    return worst


def main():
    wrong = 0
    arguments = sys.argv[1:]
    for path, samples, tolerance in zip(arguments[::3], arguments[1::3], arguments[2::3]):
        model = None
        try:
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            inferred(model)
            worst = difference(path, samples)
            good = worst <= float(tolerance)
            print(f"{model.graph.name}: {worst:.1e}{'' if good else ' is more than ' + tolerance}")
            wrong += not good
        except NotImplemented:
            print(f"{model.graph.name}: no kernel")
        except Exception as e:
            print(f"{model.graph.name if model else path}: {type(e).__name__}: {e}")
            wrong += 1
    return 1 if wrong else 0


sys.exit(main())
