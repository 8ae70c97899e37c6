"""Runs a model of one input and one output in onnxruntime: called by the benchmark `accuracy`.

Arguments: the model, samples (.npz with the input's name, axis 0 counting samples), and the .npz to write, which
gets the array `output`.
"""

import sys

import numpy as np
import onnxruntime as ort


def main():
    model, samples, to = sys.argv[1:]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    run = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (port,) = run.get_inputs()
    data = np.load(samples)[port.name].astype(np.float32)
    data = data.reshape((-1, *port.shape))
    np.savez(to, output=np.stack([run.run(None, {port.name: sample})[0] for sample in data]))


main()
